"""Output that no text of a caller can turn into commands for a terminal."""

import io
import json

import pytest
from rich.table import Table

from cli.console import PrintableConsole
from cli.plain_output import json_text, print_error

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\x7f\u2066"


def shown(*, terminal: bool, table: bool) -> str:
    out = io.StringIO()
    console = PrintableConsole(file=out, width=80, force_terminal=terminal, color_system=None)
    cells = Table(box=None)
    cells.add_column("name")
    cells.add_row(f"a{HOSTILE}b")
    console.print(cells if table else f"a{HOSTILE}b\nnext")
    return out.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("table", [True, False])
def test_nothing_that_is_printed_controls_a_terminal(*, terminal: bool, table: bool) -> None:
    text = shown(terminal=terminal, table=table)

    assert "owned" in text
    assert [letter for letter in text if not letter.isprintable() and letter != "\n"] == []


def test_json_escapes_what_could_control_a_terminal_and_reads_the_same() -> None:
    document = {"name": f"{HOSTILE} 您好 \U000e0001", "many": ["a\nb"]}
    text = json_text(document)

    assert json.loads(text) == document
    assert text.isprintable()
    assert "您好" in text


def test_an_error_line_is_printable(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(f"the service answered {HOSTILE}\nsecond line")

    lines = capsys.readouterr().err.split("\n")
    assert (len(lines), all(map(str.isprintable, lines))) == (3, True)
