"""`rollcall consumer`: the service that expands requests and delivers them."""


def consumer() -> None:
    """Run the delivering service until SIGTERM or Ctrl-C, configured by the environment alone.

    It logs JSON lines to standard output.

    Example: rollcall consumer
    """
    from cli.admin.unknown_variables import warn_of_unknown  # noqa: PLC0415
    from cli.settings import load  # noqa: PLC0415
    from consumer.app import run  # noqa: PLC0415
    from consumer.settings import ConsumerSettings  # noqa: PLC0415

    settings = load(ConsumerSettings)
    warn_of_unknown()
    run(settings)
