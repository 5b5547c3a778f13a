"""Creation or check of the topics and of the MongoDB indexes, which the services need before they start."""

from collections.abc import Iterable

import typer

from cli import event_loop as loop
from cli.admin.create_topics import TopicOptions, create_topics, describe_cluster, differences, existing_topics
from cli.clients.kafka_client import kafka_errors, open_admin
from cli.clients.ledger_client import open_ledger
from cli.errors import CommandError
from cli.settings import SetupSettings
from ledger.errors import LedgerNotReady


def run(settings: SetupSettings, options: TopicOptions, *, check: bool) -> None:
    """Create what is missing, or only check. Raises CommandError with each problem that remains."""
    loop.run(_run(settings, options, check=check))


async def _run(settings: SetupSettings, options: TopicOptions, *, check: bool) -> None:
    with kafka_errors(settings):
        problems = await _set_up_topics(settings, options, check=check)
    problems += await _set_up_indexes(settings, check=check)
    if problems:
        raise CommandError(_advice(problems, check=check))


async def _set_up_topics(settings: SetupSettings, options: TopicOptions, *, check: bool) -> list[str]:
    """Create the missing topics, or only check. Print the state of each topic and return the problems."""
    problems: list[str] = []
    async with open_admin(settings) as admin:
        specs = settings.topics.specs()
        existing = await existing_topics(admin, [spec.name for spec in specs])
        missing = [spec for spec in specs if spec.name not in existing]
        if not check:
            await create_topics(admin, await describe_cluster(admin), missing, options)
    for spec in specs:
        if spec.name in existing:
            lacks = differences(spec, options, existing[spec.name])
            problems += [f"topic {spec.name}: {lack}" for lack in lacks]
            _print_line("differs" if lacks else "exists", f"topic {spec.name}")
        elif check:
            problems.append(f"topic {spec.name}: not found")
            _print_line("missing", f"topic {spec.name}")
        else:
            _print_line("created", f"topic {spec.name}: {spec.serves}")
    return problems


async def _set_up_indexes(settings: SetupSettings, *, check: bool) -> list[str]:
    async with open_ledger(settings) as ledger:
        created = [] if check else await ledger.setup()
        for line in created:
            _print_line("created", f"index {line}")
        try:
            await ledger.check()
        except LedgerNotReady as error:
            _print_line("missing", "indexes")
            return [str(error)]
    _print_line("exists", "all indexes of the ledger")
    return []


def _print_line(state: str, item: str) -> None:
    typer.echo(f"{state:<8} {item}")


def _advice(problems: Iterable[str], *, check: bool) -> str:
    advice = (
        "Run `rollcall setup` to create what is missing. "
        "Change what differs with Kafka's kafka-configs.sh or kafka-topics.sh."
        if check
        else "Change what differs with Kafka's kafka-configs.sh or kafka-topics.sh. "
        "`rollcall setup` does not change existing topics."
    )
    return "\n".join((*problems, advice))
