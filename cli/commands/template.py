"""`rollcall template`: message templates, stored under a code."""

from pathlib import Path
from typing import Annotated

import typer

from cli.errors import CommandError
from schemas.statuses import ContentType

_USAGE = "2 options or settings are missing or contradict each other"
_UNKNOWN = "3 template not found"

template = typer.Typer(name="template", help="Store, show and preview message templates.", no_args_is_help=True)

Code = Annotated[str, typer.Argument(help="Code of the template. Requests refer to the template by this code.")]
Tenant = Annotated[str, typer.Option(help="Tenant of the template.")]
Version = Annotated[int | None, typer.Option(min=1, max=2_147_483_647, help="Version. The default is the newest one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


@template.command("put", epilog=f"Exit codes: 0 stored, or unchanged. 1 error. {_USAGE}.")
def put(  # noqa: PLR0913  # one parameter per option
    code: Code,
    *,
    tenant: Tenant,
    content: Annotated[str | None, typer.Option(help="Text of the template. {{name}} is a variable.")] = None,
    content_file: Annotated[
        Path | None, typer.Option(help="File with the text, such as HTML, instead of --content.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="Subject for e-mail. The subject of a request takes precedence.")
    ] = None,
    content_type: Annotated[
        ContentType | None,
        typer.Option(
            help="Type of the text in an e-mail. The type of a request takes precedence. See docs/sending.md."
        ),
    ] = None,
    secret_variable: Annotated[
        list[str] | None,
        typer.Option(help="Name of a variable with a secret value, such as a login code. May be repeated."),
    ] = None,
    mapping_file: Annotated[
        Path | None,
        typer.Option(
            help="JSON file with the codes under which vendors know the text, for providers that take no free text. "
            "See docs/sending.md."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a text, store it as the newest version, and print the variables that it needs.

    Requests that were accepted earlier keep their version. If the newest version has the same text and the same
    mapping, nothing changes. Without --mapping-file the new version has no mapping.

    Example: rollcall template put verify_code --tenant tnt_xyz789 --content "Your code is {{code}}"
    """
    from cli.send.request_options import read_content, read_text_file  # noqa: PLC0415
    from cli.templates.manage import run_put  # noqa: PLC0415
    from cli.templates.mapping_file import parse_mapping  # noqa: PLC0415
    from cli.templates.validate_template import TemplateInput  # noqa: PLC0415

    text = read_content(content, content_file)
    secret = tuple(secret_variable or ())
    mapping = parse_mapping(read_text_file("--mapping-file", mapping_file)) if mapping_file else {}
    run_put(TemplateInput(tenant, code, text, subject, content_type, secret, mapping), as_json=as_json)


@template.command("list", epilog=f"Exit codes: 0 listed. 1 error. {_USAGE}.")
def list_(*, tenant: Tenant, as_json: AsJson = False) -> None:
    """List the templates of a tenant: the newest version of each, and the variables that it needs.

    Example: rollcall template list --tenant tnt_xyz789
    """
    from cli.templates.manage import run_list  # noqa: PLC0415

    run_list(tenant, as_json=as_json)


@template.command("show", epilog=f"Exit codes: 0 shown. 1 error. {_USAGE}. {_UNKNOWN}.")
def show(code: Code, *, tenant: Tenant, version: Version = None, as_json: AsJson = False) -> None:
    """Show one version of a template: its date, the variables that it needs, and its text.

    Example: rollcall template show verify_code --tenant tnt_xyz789 --version 1
    """
    from cli.templates.manage import run_show  # noqa: PLC0415

    run_show(tenant, code, version, as_json=as_json)


@template.command(
    "preview", epilog=f"Exit codes: 0 all variables are given. 1 variables are missing, or error. {_USAGE}. {_UNKNOWN}."
)
def preview(  # noqa: PLR0913  # one parameter per option
    code: Code,
    *,
    tenant: Tenant,
    variable: Annotated[
        list[str] | None, typer.Option("--variable", "--var", help="name=value. May be repeated.")
    ] = None,
    version: Version = None,
    content_type: Annotated[
        ContentType | None, typer.Option(help="Type that a request states, instead of the template's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print a template with variables filled in. Missing variables are listed and stay in the text as placeholders.

    The first line tells the type of the content in an e-mail, and why.

    Example: rollcall template preview verify_code --tenant tnt_xyz789 --var code=123456
    """
    from cli.send.request_options import read_variables  # noqa: PLC0415
    from cli.templates.manage import run_preview  # noqa: PLC0415

    values = read_variables(variable or ())
    missing = run_preview((tenant, code, version), values, content_type, as_json=as_json)
    if missing:
        raise CommandError("\n".join(f"--var: variable {name} is missing. Add --var {name}=VALUE." for name in missing))
