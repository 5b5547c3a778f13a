"""`rollcall consumer`: the service that expands requests and delivers them."""


def consumer() -> None:
    """Run the service that delivers, until SIGTERM or Ctrl-C. All its settings come from the environment.

    It writes its log to standard output, as JSON lines.

    Example: rollcall consumer
    """
    from config.optional_modules import without_modules  # noqa: PLC0415

    with without_modules("rich", "uvicorn"):  # structlog and FastStream do not need them, and they take 5 MB
        from cli.admin.unknown_variables import warn_of_unknown  # noqa: PLC0415
        from cli.settings import load  # noqa: PLC0415
        from consumer.app import run  # noqa: PLC0415
        from consumer.settings import ConsumerSettings  # noqa: PLC0415

    settings = load(ConsumerSettings)
    warn_of_unknown()
    run(settings)
