"""What this installation lacks: its settings, Kafka, MongoDB and the providers, each with what mends it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings
from rich.console import Console

from cli import event_loop as loop
from cli.admin.create_topics import ExistingTopic, TopicOptions, differences, existing_topics
from cli.clients.kafka_client import kafka_errors, open_admin
from cli.clients.ledger_client import open_ledger
from cli.console import open_console, printable, program
from cli.errors import CommandError, UsageError
from cli.settings import LedgerAddress, SealingSettings, load
from config.settings import CommonSettings
from consumer.settings import ConsumerSettings
from ledger.errors import LedgerNotReady
from producer.settings import ProducerSettings
from providers.registry import build_providers
from providers.settings import ProviderSettings
from schemas.statuses import Channel
from schemas.topics import TopicSpec


class _TokenKeys(ProducerSettings):
    """The producer's settings as if its addresses were there: what is to say of the others is not held back."""

    kafka_bootstrap: str = ""
    mongo_url: SecretStr = SecretStr("")
    sealing_keys: SecretStr = SecretStr(f"none:{'A' * 43}=")


_SERVICES: dict[str, tuple[type[BaseSettings], ...]] = {
    "producer": (ProducerSettings, _TokenKeys),
    "consumer": (ConsumerSettings, ProviderSettings),
}

_ADDRESSES = {
    "ROLLCALL_KAFKA_BOOTSTRAP": "127.0.0.1:9092",
    "ROLLCALL_MONGO_URL": "'mongodb://127.0.0.1:27017/?directConnection=true'",
}
"""What `init` leaves open, with what a stack on this machine has."""

_START = "docker compose -f docker-compose.yml -f deploy/compose.dev.yml up --detach"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; a lack has what mends it."""

    name: str
    message: str
    fix: str = ""


def run() -> bool:
    """Print what there is and what lacks; whether nothing lacks."""
    return loop.run(_run(open_console()))


async def _run(console: Console) -> bool:
    whole = True
    async for finding in examine():
        whole = whole and not finding.fix
        mark = "lacks" if finding.fix else "ok"
        console.print(f"{mark:<6}{finding.name:<12}{printable(finding.message)}", soft_wrap=True)
        if finding.fix:
            console.print(f"{'':<18}mend: {finding.fix}", soft_wrap=True)
    return whole


async def examine() -> AsyncIterator[Finding]:
    """Everything that can be looked at from here; what is away hides nothing else."""
    for finding in _settings():
        yield finding
    for look in (_sealing, _kafka, _ledger, _providers):
        async for finding in look():
            yield finding


def _settings() -> list[Finding]:
    """Each wrong variable of either service once, all in one go."""
    lines: dict[str, dict[str, None]] = {}
    for service, settings in ((service, one) for service, some in _SERVICES.items() for one in some):
        try:
            load(settings)
        except UsageError as error:
            for line in str(error).splitlines():
                lines.setdefault(line, {})[service] = None
    wrong = [
        Finding("settings", f"{line.removeprefix('settings: ')} ({', '.join(whose)})", _mend_setting(line))
        for line, whose in lines.items()
    ]
    return wrong or [Finding("settings", f"of {' and '.join(_SERVICES)}: each can be used")]


def _mend_setting(line: str) -> str:
    name = line.partition(":")[0]
    if name in _ADDRESSES and "is not set" in line:
        return f"export {name}={_ADDRESSES[name]}"
    if "is not set" in line or "set one of" in line or "must be set" in line:
        load_it = "set -a; . ./.env; set +a"
        return load_it if Path(".env").exists() else f"{program()} init; {load_it}"
    return f"correct {name}: docs/settings.md says what it may be"


async def _sealing() -> AsyncIterator[Finding]:
    try:
        keys = load(SealingSettings).sealer.key_ids
    except UsageError:
        return  # said with the settings
    older = f"; older ones: {', '.join(keys[1:])}" if keys[1:] else ""
    yield Finding("sealing", f"key {keys[0]} seals{older}")


async def _kafka() -> AsyncIterator[Finding]:
    try:
        settings = load(CommonSettings)
    except UsageError:
        return
    specs = settings.topics.specs()
    try:
        with kafka_errors(settings):
            async with open_admin(settings) as admin:
                standing = await existing_topics(admin, [spec.name for spec in specs])
    except CommandError as error:
        said = str(error).partition(": ")[2] or str(error)
        yield Finding("kafka", said, f"{_START} kafka, or correct ROLLCALL_KAFKA_BOOTSTRAP")
        return
    yield Finding("kafka", f"answers at {settings.kafka_bootstrap}")
    lacks = [lack for spec in specs for lack in examine_topic(spec, standing.get(spec.name), settings)]
    for lack in lacks:
        yield lack
    if not lacks:
        yield Finding("topics", f"all {len(specs)} under {settings.topic_prefix}")


def examine_topic(spec: TopicSpec, standing: ExistingTopic | None, settings: CommonSettings) -> list[Finding]:
    """What a topic lacks; what is more than it must be is the operator's choice."""
    if standing is None:
        return [Finding("topics", f"{spec.name} is missing", f"{program()} setup")]
    return [
        Finding("topics", f"{spec.name}: {lack}", _mend_topic(spec, lack, settings))
        for lack in differences(spec, TopicOptions(), standing)
    ]


def _mend_topic(spec: TopicSpec, lack: str, settings: CommonSettings) -> str:
    name, must = lack.split(" ", 1)[0], lack.rsplit(" ", 1)[-1]
    return (
        f"kafka-configs.sh --bootstrap-server {settings.kafka_bootstrap} --alter --entity-type topics "
        f"--entity-name {spec.name} --add-config {name}={must}"
    )


async def _ledger() -> AsyncIterator[Finding]:
    try:
        settings = load(LedgerAddress)
    except UsageError:
        return
    try:
        async with open_ledger(settings) as ledger:
            yield Finding("mongodb", f"answers; database {settings.mongo_database}")
            try:
                await ledger.check()
            except LedgerNotReady as error:
                said = str(error).partition(": run")[0]
                yield Finding("indexes", said, f"{program()} setup")
            else:
                yield Finding("indexes", "all there")
    except CommandError as error:
        said = str(error).partition(": ")[2] or str(error)
        yield Finding("mongodb", said, f"{_START} mongo, or correct ROLLCALL_MONGO_URL")


async def _providers() -> AsyncIterator[Finding]:
    try:
        entries = load(ProviderSettings).entries
    except UsageError:
        return
    registry = build_providers(entries)
    try:
        chosen = [provider for channel in Channel for provider in registry.for_channel(channel)]
        said = await asyncio.gather(*(provider.check() for provider in chosen))
    finally:
        await registry.aclose()
    for provider, problem in zip(chosen, said, strict=True):
        mend = "correct its entry, or start what it names; rollcall providers check tries again" if problem else ""
        yield Finding("providers", f"{provider.name} ({provider.channel.value}): {problem or 'ok'}", mend)
