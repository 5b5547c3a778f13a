"""Check of an installation: settings, Kafka, MongoDB and providers, with a fix for each problem."""

import asyncio
import re
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings
from rich.console import Console

from cli import event_loop as loop
from cli.admin.create_topics import ExistingTopic, TopicOptions, differences, existing_topics
from cli.clients.kafka_client import kafka_errors, open_admin
from cli.clients.ledger_client import open_ledger
from cli.console import open_console
from cli.errors import CommandError, UsageError
from cli.plain_output import printable, program_name
from cli.settings import LedgerAddress, SealingSettings, load
from config.settings import CommonSettings
from consumer.settings import ConsumerSettings
from ledger.errors import LedgerNotReady
from ledger.ports import Ledger
from ledger.tenant_resealing import KeyCounts, count_keys
from producer.settings import ProducerSettings
from providers.receipts.receipt_settings import ReceiptSettings
from providers.registry import build_providers
from providers.settings import ProviderSettings
from schemas.statuses import Channel
from schemas.topic_definitions import TopicSpec


class _TokenKeys(ProducerSettings):
    """The producer's settings with placeholder addresses, so that missing addresses do not hide other problems."""

    kafka_bootstrap: str = ""
    mongo_url: SecretStr = SecretStr("mongodb://")
    sealing_keys: SecretStr = SecretStr(f"none:{'A' * 43}=")


_SERVICES: dict[str, tuple[type[BaseSettings], ...]] = {
    "producer": (ProducerSettings, _TokenKeys),
    "consumer": (ConsumerSettings, ProviderSettings),
}

_ADDRESSES = {
    "ROLLCALL_KAFKA_BOOTSTRAP": "127.0.0.1:9092",
    "ROLLCALL_MONGO_URL": "'mongodb://127.0.0.1:27017/?directConnection=true'",
}
"""Variables that `rollcall init` leaves unset, with their values for a stack on this machine."""

_START = "docker compose -f docker-compose.yml -f deploy/compose.dev.yml up --detach"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. Only a problem has a fix."""

    name: str
    message: str
    fix: str = ""


def run() -> bool:
    """Print each finding. Return whether no problem was found."""
    return loop.run(_run(open_console()))


async def _run(console: Console) -> bool:
    healthy = True
    async for finding in run_checks():
        healthy = healthy and not finding.fix
        state = "error" if finding.fix else "ok"
        console.print(f"{state:<6}{finding.name:<12}{printable(finding.message)}", soft_wrap=True)
        if finding.fix:
            console.print(f"{'':<18}fix: {finding.fix}", soft_wrap=True)
    return healthy


async def run_checks() -> AsyncIterator[Finding]:
    """Yield the findings of all checks. A system that is not reachable does not hide other problems."""
    for finding in _check_settings():
        yield finding
    for check in (_check_sealing, _check_kafka, _check_ledger, _check_providers, _check_receipts):
        async for finding in check():
            yield finding


def _check_settings() -> list[Finding]:
    """Return each wrong variable once, with the services that read it."""
    services_by_line: dict[str, dict[str, None]] = {}
    for service, classes in _SERVICES.items():
        for settings in classes:
            try:
                load(settings)
            except UsageError as error:
                for line in str(error).splitlines():
                    services_by_line.setdefault(line, {})[service] = None
    problems = [
        Finding("settings", f"{line.removeprefix('settings: ')} ({', '.join(services)})", _setting_fix(line))
        for line, services in services_by_line.items()
    ]
    return problems or [Finding("settings", f"settings of {' and '.join(_SERVICES)} are valid")]


def _setting_fix(line: str) -> str:
    name = line.partition(":")[0]
    if name in _ADDRESSES and "is not set" in line:
        return f"export {name}={_ADDRESSES[name]}"
    if "is not set" in line or "set one of" in line or "must be set" in line:
        load_it = "set -a; . ./.env; set +a"
        return load_it if Path(".env").exists() else f"{program_name()} init && {load_it}"
    return f"correct {name}, see docs/settings.md"


async def _check_sealing() -> AsyncIterator[Finding]:
    try:
        keys = load(SealingSettings).sealer.key_ids
    except UsageError:
        return  # reported by _check_settings
    older = f", older keys: {', '.join(keys[1:])}" if keys[1:] else ""
    yield Finding("sealing", f'encryption key "{keys[0]}" works{older}')


async def _check_kafka() -> AsyncIterator[Finding]:
    try:
        settings = load(CommonSettings)
    except UsageError:
        return
    specs = settings.topics.specs()
    try:
        with kafka_errors(settings):
            async with open_admin(settings) as admin:
                existing = await existing_topics(admin, [spec.name for spec in specs])
    except CommandError as error:
        message = str(error).partition(": ")[2] or str(error)
        yield Finding("kafka", message, f"{_START} kafka, or correct ROLLCALL_KAFKA_BOOTSTRAP")
        return
    yield Finding("kafka", f"answers at {settings.kafka_bootstrap}")
    problems = [problem for spec in specs for problem in check_topic(spec, existing.get(spec.name), settings)]
    for problem in problems:
        yield problem
    if not problems:
        yield Finding("topics", f"all {len(specs)} topics with prefix {settings.topic_prefix} exist")


def check_topic(spec: TopicSpec, existing: ExistingTopic | None, settings: CommonSettings) -> list[Finding]:
    """Return the problems of a topic. Values above the requirement are the operator's choice."""
    if existing is None:
        return [Finding("topics", f"{spec.name} is missing", f"{program_name()} setup")]
    return [
        Finding("topics", f"{spec.name}: {problem}", _topic_fix(spec, problem, settings))
        for problem in differences(spec, TopicOptions(), existing)
    ]


def _topic_fix(spec: TopicSpec, problem: str, settings: CommonSettings) -> str:
    name, required = problem.split(" ", 1)[0], problem.rsplit(" ", 1)[-1]
    return (
        f"kafka-configs.sh --bootstrap-server {settings.kafka_bootstrap} --alter --entity-type topics "
        f"--entity-name {spec.name} --add-config {name}={required}"
    )


async def _check_ledger() -> AsyncIterator[Finding]:
    try:
        settings = load(LedgerAddress)
    except UsageError:
        return
    try:
        async with open_ledger(settings) as ledger:
            yield Finding("mongodb", f"answers, database {settings.mongo_database}")
            try:
                await ledger.check()
            except LedgerNotReady as error:
                problem = re.split(r"[:.] [Rr]un ", str(error))[0]
                yield Finding("indexes", problem, f"{program_name()} setup")
            else:
                yield Finding("indexes", "all indexes exist")
            for finding in await _check_tenant_keys(ledger):
                yield finding
    except CommandError as error:
        message = str(error).partition(": ")[2] or str(error)
        yield Finding("mongodb", message, f"{_START} mongo, or correct ROLLCALL_MONGO_URL")


async def _check_tenant_keys(ledger: Ledger) -> list[Finding]:
    """Return the keys that data of tenants needs, and a problem for each that is not configured."""
    try:
        sealer = load(SealingSettings).sealer
    except UsageError:
        return []
    return tenant_key_findings(await count_keys(ledger.tenants, sealer), sealer.key_ids)


def tenant_key_findings(keys: KeyCounts, configured: Collection[str]) -> list[Finding]:
    """Return a problem for each key that data of tenants needs and that does not open it, or a line with all keys."""
    missing = [
        Finding(
            "sealing",
            f'providers or keys of {_tenants(number)} need the key "{key}", which '
            + ("has other bytes" if key in configured else "is not configured"),
            f"give {key} its bytes of that time in ROLLCALL_SEALING_KEYS. Configurations of providers can be stored "
            "again, but the key of a tenant and its suppressions are lost without it",
        )
        for key, number in sorted(keys.missing.items())
    ]
    needed = ", ".join(f'"{key}" ({_tenants(number)})' for key, number in sorted(keys.needed.items()))
    return missing or ([Finding("sealing", f"providers and keys of tenants need {needed}")] if needed else [])


def _tenants(number: int) -> str:
    return "1 tenant" if number == 1 else f"{number:,} tenants"


async def _check_providers() -> AsyncIterator[Finding]:
    try:
        entries = load(ProviderSettings).entries
    except UsageError:
        return
    registry = build_providers(entries)
    try:
        providers = [provider for channel in Channel for provider in registry.for_channel(channel)]
        problems = await asyncio.gather(*(provider.check() for provider in providers))
    finally:
        await registry.aclose()
    for provider, problem in zip(providers, problems, strict=True):
        fix = "correct its entry, or start its service, then run rollcall providers check" if problem else ""
        yield Finding("providers", f"{provider.name} ({provider.channel.value}): {problem or 'ok'}", fix)
    for channel in Channel:
        if not registry.for_channel(channel):
            yield Finding("providers", f"none for {channel.value}. Deliveries of this channel wait until it has one.")


async def _check_receipts() -> AsyncIterator[Finding]:
    """Yield a finding for each provider whose receipts are taken. One that sends nothing may be misspelt."""
    try:
        entries, providers = load(ReceiptSettings).receipt_entries, load(ProviderSettings).entries
    except UsageError:
        return
    names = {provider.name for provider in providers}
    for name, kind in sorted({(entry.provider, entry.kind) for entry in entries}):
        if name in names:
            yield Finding("receipts", f"{name}: receipts are taken in the format {kind}")
        else:
            yield Finding("receipts", f"{name}: no provider has this name", "correct `provider` of the entry")
