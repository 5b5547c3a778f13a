"""`rollcall cancel`, `pause` and `resume`: orders about a request that was accepted."""

from typing import Annotated

import typer

RequestArgument = Annotated[
    str, typer.Argument(help="The id that `send` printed, or that came back over HTTP.", metavar="REQUEST")
]
TenantOption = Annotated[str, typer.Option(help="The tenant whose request it is.")]


def cancel(
    request: RequestArgument,
    *,
    tenant: TenantOption,
    scheduled_only: Annotated[
        bool, typer.Option("--scheduled-only", help="Only while its send_at is to come.")
    ] = False,
) -> None:
    """Send nothing more of a request; it cannot be taken back. Says how many deliveries may still be sent.

    Example: rollcall cancel 0198c0de-0000-7000-8000-000000000000 --tenant tnt_xyz789
    """
    from cli.control_request import run  # noqa: PLC0415

    run("cancel_scheduled" if scheduled_only else "cancel", request, tenant)


def pause(request: RequestArgument, *, tenant: TenantOption) -> None:
    """Send nothing more of a request until it is resumed. Says how many deliveries may still be sent.

    Its `expires_at` goes on: what is not sent by then is `expired`.

    Example: rollcall pause 0198c0de-0000-7000-8000-000000000000 --tenant tnt_xyz789
    """
    from cli.control_request import run  # noqa: PLC0415

    run("pause", request, tenant)


def resume(request: RequestArgument, *, tenant: TenantOption) -> None:
    """Go on with a request that was paused.

    Example: rollcall resume 0198c0de-0000-7000-8000-000000000000 --tenant tnt_xyz789
    """
    from cli.control_request import run  # noqa: PLC0415

    run("resume", request, tenant)
