"""`rollcall setup`: creates or checks the topics and the indexes of the ledger."""

from typing import Annotated

import typer

from cli.errors import UsageError


def setup(
    *,
    check: Annotated[bool, typer.Option("--check", help="Create nothing; exit 1 naming what is missing.")] = False,
    partitions: Annotated[
        int | None,
        typer.Option(min=1, max=10_000, help="Partitions a topic; 12 for new ones."),
    ] = None,
    replication_factor: Annotated[
        int | None,
        typer.Option(min=1, max=100, help="Copies of each record; 3 for new topics, or as many as there are brokers."),
    ] = None,
    min_insync_replicas: Annotated[
        int | None,
        typer.Option(min=1, max=100, help="Copies written before Kafka acknowledges; for new topics one less."),
    ] = None,
) -> None:
    """Create or check the topics and the MongoDB indexes. May be repeated.

    Example: rollcall setup --partitions 24
    """
    if replication_factor and min_insync_replicas and min_insync_replicas > replication_factor:
        raise UsageError("--min-insync-replicas: is larger than --replication-factor")
    from cli.admin.create_topics import TopicOptions  # noqa: PLC0415
    from cli.admin.setup import run  # noqa: PLC0415
    from cli.settings import SetupSettings, load  # noqa: PLC0415

    run(load(SetupSettings), TopicOptions(partitions, replication_factor, min_insync_replicas), check=check)
