"""Creates or checks what the services need before they start: topics, and the indexes of the ledger."""

from collections.abc import Iterable

import typer

from cli import event_loop as loop
from cli.admin.create_topics import TopicOptions, create, describe_cluster, differences, existing_topics
from cli.clients.kafka_client import kafka_errors, open_admin
from cli.clients.ledger_client import open_ledger
from cli.errors import CommandError
from cli.settings import SetupSettings
from ledger.errors import LedgerNotReady


def run(settings: SetupSettings, wanted: TopicOptions, *, check: bool) -> None:
    """Create what is missing, unless only a check is asked for; raises CommandError naming what is still wrong."""
    loop.run(_run(settings, wanted, check=check))


async def _run(settings: SetupSettings, wanted: TopicOptions, *, check: bool) -> None:
    with kafka_errors(settings):
        problems = await _topics(settings, wanted, check=check)
    problems += await _indexes(settings, check=check)
    if problems:
        raise CommandError(_advice(problems, check=check))


async def _topics(settings: SetupSettings, wanted: TopicOptions, *, check: bool) -> list[str]:
    """Create what is missing, unless only a check is asked for, and say what stands; the answer is what is wrong."""
    problems: list[str] = []
    async with open_admin(settings) as admin:
        specs = settings.topics.specs()
        standing = await existing_topics(admin, [spec.name for spec in specs])
        missing = [spec for spec in specs if spec.name not in standing]
        if not check:
            await create(admin, await describe_cluster(admin), missing, wanted)
    for spec in specs:
        if spec.name in standing:
            lacks = differences(spec, wanted, standing[spec.name])
            problems += [f"topic {spec.name}: {lack}" for lack in lacks]
            _say("differs" if lacks else "stands", f"topic {spec.name}")
        elif check:
            problems.append(f"topic {spec.name}: is missing")
            _say("missing", f"topic {spec.name}")
        else:
            _say("created", f"topic {spec.name}: {spec.serves}")
    return problems


async def _indexes(settings: SetupSettings, *, check: bool) -> list[str]:
    async with open_ledger(settings) as ledger:
        created = [] if check else await ledger.setup()
        for line in created:
            _say("created", f"index {line}")
        try:
            await ledger.check()
        except LedgerNotReady as error:
            _say("missing", "indexes")
            return [str(error)]
    _say("stands", "all indexes of the ledger")
    return []


def _say(what: str, of: str) -> None:
    typer.echo(f"{what:<8} {of}")


def _advice(problems: Iterable[str], *, check: bool) -> str:
    advice = (
        "run `rollcall setup` for what is missing; change what differs with Kafka's kafka-configs.sh or kafka-topics.sh"
        if check
        else "change what differs with Kafka's kafka-configs.sh or kafka-topics.sh; setup alters no topic that stands"
    )
    return "\n".join((*problems, advice))
