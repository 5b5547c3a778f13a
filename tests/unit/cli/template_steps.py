"""Steps of tests of `rollcall template`."""

import io
from collections.abc import Awaitable, Callable
from typing import Any

from cli.console import PrintableConsole
from cli.templates.validate_template import TemplateInput

TENANT, CODE = "tnt_a", "verify_code"


async def printed(
    work: Callable[..., Awaitable[Any]], *args: Any, terminal: bool = False, as_json: bool = False
) -> str:
    out = io.StringIO()
    console = PrintableConsole(file=out, width=100, force_terminal=terminal, color_system=None)
    ledger, *rest = args
    await work(ledger, console, *rest, as_json=as_json)
    return out.getvalue()


def a_template(
    content: str = "code {{code}} for {{ name }}", subject: str | None = None, **changes: str
) -> TemplateInput:
    return TemplateInput(**{"tenant": TENANT, "code": CODE, "content": content, "subject": subject, **changes})  # type: ignore[arg-type]
