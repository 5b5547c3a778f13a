"""Stored templates: put, listed, shown, and tried with variables."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from rich.console import Console

from cli import event_loop as loop
from cli.clients.ledger_client import open_ledger
from cli.console import open_console, plain_table, print_table, printable
from cli.errors import UnknownTemplate, UsageError
from cli.settings import LedgerAddress, load
from cli.template_check import asked_of_recipients
from cli.templates.validate_template import TemplateInput
from core.render import MAX_RENDERED, HeaderInjection, TextTooLong
from ledger.message_template import MessageTemplate, compile_template
from ledger.models import StoredTemplate
from ledger.ports import Ledger
from schemas.statuses import Channel

T = TypeVar("T")

_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters other than tabs and line ends."""


def run_put(draft: TemplateInput, *, as_json: bool) -> None:
    """Check and store a text; raises UsageError."""
    draft.check()
    _with_ledger(lambda ledger: put(ledger, open_console(), draft, as_json=as_json))


def run_list(tenant: str, *, as_json: bool) -> None:
    """Print a line for each template of a tenant."""
    _with_ledger(lambda ledger: show_all(ledger, open_console(), tenant, as_json=as_json))


def run_show(tenant: str, code: str, version: int | None, *, as_json: bool) -> None:
    """Print a version of a template; raises UnknownTemplate."""
    _with_ledger(lambda ledger: show(ledger, open_console(), (tenant, code, version), as_json=as_json))


def run_preview(
    tenant: str, code: str, version: int | None, variables: Mapping[str, str], *, as_json: bool
) -> list[str]:
    """Print a version with these variables; the names that are missing. Raises UnknownTemplate."""
    which = tenant, code, version
    return _with_ledger(lambda ledger: preview(ledger, open_console(), which, variables, as_json=as_json))


def _with_ledger(work: Callable[[Ledger], Awaitable[T]]) -> T:
    async def run() -> T:
        async with open_ledger(load(LedgerAddress)) as ledger:
            return await work(ledger)

    return loop.run(run())


async def put(ledger: Ledger, console: Console, draft: TemplateInput, *, as_json: bool) -> None:
    """Store a text that was checked, and say what it needs."""
    before = await ledger.templates.get(draft.tenant, draft.code)
    stored = await ledger.templates.put(draft.tenant, draft.code, draft.content, draft.subject or None)
    new = before is None or before.version != stored.version
    if as_json:
        _write_json(console, {**_document(stored), "new": new})
        return
    done = f"stored as version {stored.version}" if new else f"is version {stored.version} already"
    console.print(f"{printable(stored.code)} {done} ({stored.id})", soft_wrap=True)
    console.print(f"variables: {', '.join(_names(stored)) or 'none'}", soft_wrap=True)


async def show_all(ledger: Ledger, console: Console, tenant: str, *, as_json: bool) -> None:
    """A line for each template of a tenant."""
    stored = await ledger.templates.list(tenant)
    if as_json:
        _write_json(console, [_document(one) for one in stored])
        return
    if not stored:
        console.print(f"tenant {printable(tenant)} has no templates", soft_wrap=True)
        return
    table = plain_table("template", "version", "stored", "variables", "subject", numbers=("version",))
    for one in stored:
        cells = (one.code, str(one.version), _moment(one), ", ".join(_names(one)), one.subject or "")
        table.add_row(*map(printable, cells))
    print_table(console, table)


async def show(ledger: Ledger, console: Console, which: tuple[str, str, int | None], *, as_json: bool) -> None:
    """One version and its text."""
    stored = await find(ledger, *which)
    if as_json:
        _write_json(console, {**_document(stored), "content": stored.content})
        return
    lines = {
        "template": stored.code,
        "id": stored.id,
        "version": str(stored.version),
        "stored": _moment(stored),
        "variables": ", ".join(_names(stored)) or "none",
        "subject": stored.subject,
    }
    for name, value in lines.items():
        if value is not None:
            console.print(f"{name:<9} {printable(value)}", soft_wrap=True)
    console.print()
    _write_text(console, stored.content)


async def preview(
    ledger: Ledger,
    console: Console,
    which: tuple[str, str, int | None],
    variables: Mapping[str, str],
    *,
    as_json: bool,
) -> list[str]:
    """One version with these variables in it; the names that are missing, which stay as they are written."""
    stored = await find(ledger, *which)
    text = _compiled(stored)
    missing = sorted(asked_of_recipients(text) - variables.keys())
    left = {name: f"{{{{{name}}}}}" for name in missing}
    try:
        subject = text.subject and text.subject.render(variables, left)
        content = text.content.render(variables, left)
    except HeaderInjection as error:
        raise UsageError(
            f"--var: {error.name} must not contain a line break or another control character, "
            "because the subject uses it."
        ) from None
    except TextTooLong as error:
        raise UsageError(
            f"--var: {error.name} makes the values in one text longer than {MAX_RENDERED:,} characters. Use shorter values."
        ) from None
    if as_json:
        said = {"code": stored.code, "version": stored.version, "html": text.html}
        _write_json(console, {**said, "subject": subject, "content": content, "missing": missing})
        return missing
    if subject:
        console.print(f"subject: {printable(subject)}\n", soft_wrap=True)
    _write_text(console, content)
    return missing


async def find(ledger: Ledger, tenant: str, code: str, version: int | None) -> StoredTemplate:
    """A version, by default the newest; raises UnknownTemplate."""
    found = await ledger.templates.get(tenant, code, version)
    if found is None:
        newest = await ledger.templates.get(tenant, code)
        raise UnknownTemplate(tenant, code, newest.version if newest else None)
    return found


def _compiled(stored: StoredTemplate) -> MessageTemplate:
    return compile_template(Channel.EMAIL, stored.content, stored.subject, {})


def _names(stored: StoredTemplate) -> list[str]:
    return sorted(asked_of_recipients(_compiled(stored)))


def _moment(stored: StoredTemplate) -> str:
    return f"{stored.created_at:%Y-%m-%d %H:%M:%S} UTC"


def _document(stored: StoredTemplate) -> dict[str, Any]:
    return {
        "id": stored.id,
        "tenant_id": stored.tenant_id,
        "code": stored.code,
        "version": stored.version,
        "created_at": stored.created_at.isoformat(),
        "variables": _names(stored),
        "subject": stored.subject,
    }


def _write_json(console: Console, document: object) -> None:
    console.file.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _write_text(console: Console, text: str) -> None:
    """The text as it is; on a terminal without what could steer it."""
    if console.is_terminal:
        text = _STEERING.sub("?", text.replace("\r\n", "\n"))
    console.file.write(text if text.endswith("\n") else text + "\n")
