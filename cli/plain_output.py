"""Plain lines of the command line, without the library for tables, which takes 4 MB of a service.

Texts of callers reach a terminal only through this module and `cli/console.py`. They replace control characters. A text
that must stay on its line passes `printable` before, which replaces line ends too.
"""

import json
import shutil
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import orjson
import typer


def print_error(message: str) -> None:
    """Print lines on standard error."""
    typer.echo(printable_lines(message), err=True)


def json_text(document: object, option: int = 0) -> str:
    """Return a document as JSON. Characters that could control a terminal are escaped, so that it reads the same."""
    text = orjson.dumps(document, option=option | orjson.OPT_UTC_Z).decode()
    return "\n".join(line if line.isprintable() else _escape(line) for line in text.split("\n"))


def printable(text: str) -> str:
    """Return a caller's text without control characters, which could control a terminal."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)


def printable_lines(text: str) -> str:
    """Return a text of several lines without control characters, except for the line ends."""
    return "\n".join(map(printable, text.split("\n")))


def _escape(json_line: str) -> str:
    """Return a line of JSON with escapes in place of characters that are not printable (RFC 8259, section 7)."""
    return "".join(
        letter if letter.isprintable() else json.dumps(letter)[1:-1]  # with surrogate pairs
        for letter in json_line
    )


def program_name() -> str:
    """Return the name with which a user can start this program from the current folder, for lines to copy."""
    started = Path(sys.argv[0]).absolute()
    on_path = shutil.which("rollcall")
    if started.name != "rollcall" or (on_path and Path(on_path).absolute() == started):
        return "rollcall"
    return str(started.relative_to(Path.cwd()) if started.is_relative_to(Path.cwd()) else started)


def continues_note(request_id: str, tenant_id: str) -> str:
    """Return the note of a command that cannot follow a request any more."""
    command = f"{program_name()} watch {request_id} --tenant {tenant_id}"
    return f"The request continues without this command. Follow it with `{command}`."


def format_time(time: datetime | None) -> str:
    """Return a time as tables show it, in UTC, or an empty text without one."""
    return f"{time:%Y-%m-%d %H:%M:%S}" if time else ""


def format_cost(cost: Mapping[str, str] | None) -> str:
    """Return a cost such as `0.36 EUR`, or an empty text without one."""
    return " + ".join(f"{amount} {currency}" for currency, amount in (cost or {}).items())
