"""`rollcall setup`: creation or check of the topics and the MongoDB indexes."""

from typing import Annotated

import typer

from cli.errors import UsageError


def setup(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Create nothing. Print what is missing, with exit code 1.")
    ] = False,
    partitions: Annotated[
        int | None,
        typer.Option(min=1, max=10_000, help="Partitions per topic. New topics get 12 by default."),
    ] = None,
    replication_factor: Annotated[
        int | None,
        typer.Option(
            min=1, max=100, help="Copies of each record. New topics get 3 by default, or as many as there are brokers."
        ),
    ] = None,
    min_insync_replicas: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100,
            help="Copies that must be written before Kafka acknowledges. "
            "New topics get one less than --replication-factor by default.",
        ),
    ] = None,
) -> None:
    """Create or check the topics and the MongoDB indexes. Repeating the command is harmless.

    Example: rollcall setup --partitions 24
    """
    if replication_factor and min_insync_replicas and min_insync_replicas > replication_factor:
        raise UsageError("--min-insync-replicas: must not be larger than --replication-factor.")
    from cli.admin.create_topics import TopicOptions  # noqa: PLC0415
    from cli.admin.setup import run  # noqa: PLC0415
    from cli.settings import SetupSettings, load  # noqa: PLC0415

    run(load(SetupSettings), TopicOptions(partitions, replication_factor, min_insync_replicas), check=check)
