"""`rollcall token`: a bearer token for development."""

from typing import Annotated

import typer

_SCOPE_HELP = (
    "Scope: communication:send, communication:read, communication:send_as, communication:suppressions, "
    "communication:suppressions:addresses, communication:consents, communication:internal, "
    "communication:internal:addresses or communication:admin. May be repeated. "
    "[default: communication:send]"
)


def token(
    *,
    tenant: Annotated[str, typer.Option(help="Tenant that the token is for.")],
    user: Annotated[str, typer.Option(help="User that the token is for. It becomes the `sub` claim.")],
    scope: Annotated[list[str] | None, typer.Option(help=_SCOPE_HELP)] = None,
    ttl: Annotated[int, typer.Option(min=1, max=31_536_000, help="Lifetime in seconds.")] = 3_600,
) -> None:
    """Print a bearer token for development, signed with ROLLCALL_JWT_SECRET.

    Example: rollcall token --tenant tnt_xyz789 --user usr_abc123 --scope communication:send
    """
    from cli.admin.development_token import issue_token  # noqa: PLC0415
    from cli.plain_output import print_error  # noqa: PLC0415
    from cli.settings import TokenSettings, load  # noqa: PLC0415
    from producer.auth.token_verifier import SCOPES  # noqa: PLC0415

    settings = load(TokenSettings)
    for word in sorted(set(scope or ()) - SCOPES):
        print_error(
            f"--scope: {word} is not a scope of rollcall, and allows nothing. `rollcall token --help` lists them."
        )
    typer.echo(
        issue_token(
            settings.jwt_secret.get_secret_value(),
            tenant,
            user,
            [settings.jwt_scope_prefix + word for word in scope or ["communication:send"]],
            ttl,
            tenant_claim=settings.jwt_tenant_claim,
            scope_claim=settings.jwt_scope_claim,
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
        ),
    )
