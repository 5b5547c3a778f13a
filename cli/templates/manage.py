"""Commands for stored templates: put, list, show and preview."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

import orjson
from rich.console import Console

from cli import event_loop as loop
from cli.clients.ledger_client import open_ledger
from cli.console import open_console, plain_table, print_table, write_json, write_text
from cli.errors import UnknownTemplate, UsageError
from cli.plain_output import printable
from cli.settings import LedgerAddress, load, load_text_limits
from cli.template_check import variables_for_recipients
from cli.templates.validate_template import TemplateInput
from core.content_type import ContentTypeChoice, without_mark
from core.render import MAX_RENDERED, MAX_SUBJECT, HeaderInjection, TextTooLong, UnsafeLink
from core.variable_names import normalise_name
from ledger.compile_message import compile_template
from ledger.message_template import MASK, MessageTemplate, choose_type
from ledger.ports import Ledger
from ledger.stored_template import StoredTemplate
from schemas.statuses import Channel, ContentType

T = TypeVar("T")

TemplateAddress = tuple[str, str, int | None]
"""Tenant, code and version of a template. Without a version it is the newest one."""


def run_put(template_input: TemplateInput, *, as_json: bool) -> None:
    """Check and store a text. Raises UsageError."""
    template_input.check(load_text_limits())
    _with_ledger(lambda ledger: put(ledger, open_console(), template_input, as_json=as_json))


def run_list(tenant: str, *, as_json: bool) -> None:
    """Print a line for each template of a tenant."""
    _with_ledger(lambda ledger: show_all(ledger, open_console(), tenant, as_json=as_json))


def run_show(tenant: str, code: str, version: int | None, *, as_json: bool) -> None:
    """Print a version of a template. Raises UnknownTemplate."""
    _with_ledger(lambda ledger: show(ledger, open_console(), (tenant, code, version), as_json=as_json))


def run_preview(
    address: TemplateAddress, variables: Mapping[str, str], content_type: ContentType | None, *, as_json: bool
) -> list[str]:
    """Print a version with these variables and return the missing ones. Raises UnknownTemplate and UsageError."""
    return _with_ledger(
        lambda ledger: preview(ledger, open_console(), address, variables, content_type, as_json=as_json)
    )


def _with_ledger(work: Callable[[Ledger], Awaitable[T]]) -> T:
    async def run() -> T:
        async with open_ledger(load(LedgerAddress)) as ledger:
            return await work(ledger)

    return loop.run(run())


async def put(ledger: Ledger, console: Console, template_input: TemplateInput, *, as_json: bool) -> None:
    """Store a checked text, and print the variables that it needs."""
    before = await ledger.templates.get(template_input.tenant, template_input.code)
    stored = await ledger.templates.put(
        template_input.tenant,
        template_input.code,
        without_mark(template_input.content),
        template_input.subject or None,
        template_input.content_type,
        secret_variables=template_input.secret_variables,
        vendor_templates=template_input.vendor_templates,
    )
    new = before is None or before.version != stored.version
    if as_json:
        write_json(console, {**_document(stored), "new": new}, orjson.OPT_INDENT_2)
        return
    result = f"stored as version {stored.version}" if new else f"unchanged, is version {stored.version}"
    console.print(f"{printable(stored.code)} {result} ({stored.id})", soft_wrap=True)
    console.print(f"variables: {', '.join(_variable_names(stored)) or 'none'}", soft_wrap=True)
    if stored.secret_variables:
        console.print(f"secret: {', '.join(stored.secret_variables)}", soft_wrap=True)
    for note in _mapping_notes(stored):
        console.print(f"mapping: {printable(note)}", soft_wrap=True)


async def show_all(ledger: Ledger, console: Console, tenant: str, *, as_json: bool) -> None:
    """Print a line for each template of a tenant."""
    templates = await ledger.templates.list(tenant)
    if as_json:
        write_json(console, [_document(template) for template in templates], orjson.OPT_INDENT_2)
        return
    if not templates:
        console.print(f"tenant {printable(tenant)} has no templates", soft_wrap=True)
        return
    table = plain_table("template", "version", "stored", "variables", "subject", numbers=("version",))
    for template in templates:
        cells = (
            template.code,
            str(template.version),
            _stored_at(template),
            ", ".join(_variable_names(template)),
            template.subject or "",
        )
        table.add_row(*map(printable, cells))
    print_table(console, table)


async def show(ledger: Ledger, console: Console, address: TemplateAddress, *, as_json: bool) -> None:
    """Print one version and its text. Raises UnknownTemplate."""
    stored = await find_template(ledger, *address)
    if as_json:
        write_json(console, {**_document(stored), "content": without_mark(stored.content)}, orjson.OPT_INDENT_2)
        return
    lines = {
        "template": stored.code,
        "id": stored.id,
        "version": str(stored.version),
        "stored": _stored_at(stored),
        "variables": ", ".join(_variable_names(stored)) or "none",
        "secret": ", ".join(stored.secret_variables) or None,
        "subject": stored.subject,
        "type": _type_note(_type_of(stored)),
    }
    for name, value in lines.items():
        if value is not None:
            console.print(f"{name:<9} {printable(value)}", soft_wrap=True)
    for note in _mapping_notes(stored):
        console.print(f"mapping   {printable(note)}", soft_wrap=True)
    console.print()
    write_text(console, without_mark(stored.content))


async def preview(  # noqa: PLR0913  # one parameter per option
    ledger: Ledger,
    console: Console,
    address: TemplateAddress,
    variables: Mapping[str, str],
    content_type: ContentType | None = None,
    *,
    as_json: bool,
) -> list[str]:
    """Print one version with these variables filled in, and return the missing ones.

    Missing variables stay in the text as placeholders. Secret values are masked.

    Raises UnknownTemplate and UsageError.
    """
    stored = await find_template(ledger, *address)
    type_choice = _type_of(stored, content_type)
    text = _compiled(stored, type_choice)
    variables = {normalise_name(name) or name: value for name, value in variables.items()}
    missing = sorted(variables_for_recipients(text) - variables.keys())
    placeholders = {name: f"{{{{{name}}}}}" for name in missing}
    secret = {normalise_name(name) or name for name in stored.secret_variables}
    shown = {name: MASK if name in secret else value for name, value in variables.items()}
    try:
        # The mask would hide a value that cannot be used.
        text.content.keep_as_given(missing).render(variables, placeholders)
        if text.subject:
            text.subject.render(variables, placeholders, MAX_SUBJECT)
        subject = text.subject and text.subject.render(shown, placeholders, MAX_SUBJECT)
        content = text.content.keep_as_given([*missing, *secret]).render(shown, placeholders)
    except HeaderInjection as error:
        raise UsageError(
            f"--var: {error.name} must not contain a line break or another control character, "
            "because the subject uses it."
        ) from None
    except UnsafeLink as error:
        raise UsageError(f"--var: {error.name} must not make a link run a script. Use an address with https.") from None
    except TextTooLong as error:
        raise UsageError(
            f"--var: {error.name} makes a text too long. A content has at most {MAX_RENDERED:,} characters, "
            f"and a subject {MAX_SUBJECT:,}. Use shorter values."
        ) from None
    if as_json:
        head = {"code": stored.code, "version": stored.version, "html": text.html, **_type_fields(type_choice)}
        write_json(console, {**head, "subject": subject, "content": content, "missing": missing}, orjson.OPT_INDENT_2)
        return missing
    console.print(f"type: {_type_note(type_choice)}", soft_wrap=True)
    if subject:
        console.print(f"subject: {printable(subject)}", soft_wrap=True)
    console.print()
    write_text(console, content)
    return missing


async def find_template(ledger: Ledger, tenant: str, code: str, version: int | None) -> StoredTemplate:
    """Return a version, by default the newest. Raises UnknownTemplate."""
    stored = await ledger.templates.get(tenant, code, version)
    if stored is None:
        newest = await ledger.templates.get(tenant, code)
        raise UnknownTemplate(tenant, code, newest.version if newest else None)
    return stored


def _type_of(stored: StoredTemplate, in_request: ContentType | None = None) -> ContentTypeChoice:
    return choose_type(Channel.EMAIL, without_mark(stored.content), in_request, stored.content_type)


def _type_note(choice: ContentTypeChoice) -> str:
    return f"{choice.content_type} in an e-mail, because {choice.reason}"


def _type_fields(choice: ContentTypeChoice) -> dict[str, str]:
    return {"content_type": choice.content_type, "content_type_reason": choice.reason}


def _compiled(stored: StoredTemplate, choice: ContentTypeChoice) -> MessageTemplate:
    content = without_mark(stored.content)
    return compile_template(Channel.EMAIL, content, stored.subject, {}, choice.content_type)


def _variable_names(stored: StoredTemplate) -> list[str]:
    return sorted(variables_for_recipients(_compiled(stored, _type_of(stored))))


def _mapping_notes(stored: StoredTemplate) -> list[str]:
    """Return for each provider the code, the sign name and the parameters of its vendor template."""
    return [
        f"{provider}: {f'{each.template_code} {each.sign_name}'.rstrip()} ({', '.join(each.parameter_order)})"
        for provider, each in stored.vendor_templates.items()
    ]


def _stored_at(stored: StoredTemplate) -> str:
    return f"{stored.created_at:%Y-%m-%d %H:%M:%S} UTC"


def _document(stored: StoredTemplate) -> dict[str, Any]:
    return {
        "id": stored.id,
        "tenant_id": stored.tenant_id,
        "code": stored.code,
        "version": stored.version,
        "created_at": stored.created_at.isoformat(),
        "variables": _variable_names(stored),
        "secret_variables": list(stored.secret_variables),
        "vendor_templates": {name: asdict(each) for name, each in stored.vendor_templates.items()},
        "subject": stored.subject,
        **_type_fields(_type_of(stored)),
    }
