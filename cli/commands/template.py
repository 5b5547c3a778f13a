"""`rollcall template`: stores texts under a code, shows them, and tries them with variables."""

from pathlib import Path
from typing import Annotated

import typer

from cli.errors import CommandError

_USAGE = "2 options or settings are missing or contradict each other"
_UNKNOWN = "3 there is no such template"

template = typer.Typer(
    name="template", help="Stored templates: texts that requests name by a code.", no_args_is_help=True
)

Code = Annotated[str, typer.Argument(help="The name of the template, as requests name it.")]
Tenant = Annotated[str, typer.Option(help="The tenant whose template it is.")]
Version = Annotated[int | None, typer.Option(min=1, help="An older version; without it the newest.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]


@template.command("put", epilog=f"Exit codes: 0 stored, or it stands already; 1 it failed; {_USAGE}.")
def put(  # noqa: PLR0913  # an option each
    code: Code,
    *,
    tenant: Tenant,
    content: Annotated[str | None, typer.Option(help="The text; {{name}} stands for a variable.")] = None,
    content_file: Annotated[Path | None, typer.Option(help="A file with the text instead, such as HTML.")] = None,
    subject: Annotated[str | None, typer.Option(help="For e-mail; a request's own subject goes before it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check a text and store it as the newest version, and say which variables it needs.

    Requests accepted before keep the version they were accepted with. A text that the newest version has already
    changes nothing.

    Example: rollcall template put verify_code --tenant tnt_xyz789 --content "Your code is {{code}}"
    """
    from cli.send.request_options import read_content  # noqa: PLC0415
    from cli.templates.manage import run_put  # noqa: PLC0415
    from cli.templates.validate_template import TemplateInput  # noqa: PLC0415

    run_put(TemplateInput(tenant, code, read_content(content, content_file), subject), as_json=as_json)


@template.command("list", epilog=f"Exit codes: 0 listed; 1 it failed; {_USAGE}.")
def list_(*, tenant: Tenant, as_json: AsJson = False) -> None:
    """List the templates of a tenant, each in its newest version, with the variables it needs.

    Example: rollcall template list --tenant tnt_xyz789
    """
    from cli.templates.manage import run_list  # noqa: PLC0415

    run_list(tenant, as_json=as_json)


@template.command("show", epilog=f"Exit codes: 0 shown; 1 it failed; {_USAGE}; {_UNKNOWN}.")
def show(code: Code, *, tenant: Tenant, version: Version = None, as_json: AsJson = False) -> None:
    """Show one version of a template: when it was stored, which variables it needs, its text.

    Example: rollcall template show verify_code --tenant tnt_xyz789 --version 1
    """
    from cli.templates.manage import run_show  # noqa: PLC0415

    run_show(tenant, code, version, as_json=as_json)


@template.command(
    "preview", epilog=f"Exit codes: 0 all variables are given; 1 some are missing, or it failed; {_USAGE}; {_UNKNOWN}."
)
def preview(
    code: Code,
    *,
    tenant: Tenant,
    variable: Annotated[
        list[str] | None, typer.Option("--variable", "--var", help="name=value; may be repeated.")
    ] = None,
    version: Version = None,
    as_json: AsJson = False,
) -> None:
    """Render a template with variables, and name each one that is missing; what is missing stays as it is written.

    Example: rollcall template preview verify_code --tenant tnt_xyz789 --var code=123456
    """
    from cli.send.request_options import read_variables  # noqa: PLC0415
    from cli.templates.manage import run_preview  # noqa: PLC0415

    missing = run_preview(tenant, code, version, read_variables(variable or ()), as_json=as_json)
    if missing:
        raise CommandError("\n".join(f"missing variable: {name}; give it with --var {name}=…" for name in missing))
