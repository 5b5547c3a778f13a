"""`rollcall producer`: the HTTP service."""


def producer() -> None:
    """Run the HTTP service until SIGTERM or Ctrl-C. All its settings come from the environment.

    It writes its log to standard output, as JSON lines.

    Example: rollcall producer
    """
    from cli.admin.unknown_variables import warn_of_unknown  # noqa: PLC0415
    from cli.settings import load  # noqa: PLC0415
    from producer.app import run  # noqa: PLC0415
    from producer.settings import ProducerSettings  # noqa: PLC0415

    settings = load(ProducerSettings)
    warn_of_unknown()
    run(settings)
