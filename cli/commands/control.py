"""`rollcall cancel`, `pause` and `resume`: control of an accepted request."""

from typing import Annotated

import typer

RequestArgument = Annotated[
    str, typer.Argument(help="Id of the request, from `send` or from the HTTP answer.", metavar="REQUEST")
]
TenantOption = Annotated[str, typer.Option(help="Tenant of the request.")]


def cancel(
    request: RequestArgument,
    *,
    tenant: TenantOption,
    scheduled_only: Annotated[
        bool, typer.Option("--scheduled-only", help="Cancel only if its send_at has not passed.")
    ] = False,
) -> None:
    """Cancel a request for good. Prints how many deliveries have begun and may still be sent.

    Repeating the command is harmless.

    Example: rollcall cancel 0198c0de-0000-7000-8000-000000000000 --tenant tnt_xyz789
    """
    from cli.control_request import run  # noqa: PLC0415

    run("cancel_scheduled" if scheduled_only else "cancel", request, tenant)


def pause(request: RequestArgument, *, tenant: TenantOption) -> None:
    """Pause a request until it is resumed. Prints how many deliveries have begun and may still be sent.

    A pause does not extend `expires_at`. Deliveries that are not sent by then end as `expired`. Repeating the command
    is harmless.

    Example: rollcall pause 0198c0de-0000-7000-8000-000000000000 --tenant tnt_xyz789
    """
    from cli.control_request import run  # noqa: PLC0415

    run("pause", request, tenant)


def resume(request: RequestArgument, *, tenant: TenantOption) -> None:
    """Resume a paused request. Repeating the command is harmless.

    Example: rollcall resume 0198c0de-0000-7000-8000-000000000000 --tenant tnt_xyz789
    """
    from cli.control_request import run  # noqa: PLC0415

    run("resume", request, tenant)
