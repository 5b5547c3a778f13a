import os
import threading
from pathlib import Path

import pytest

from cli.errors import UsageError
from cli.recipients_file.layout import FileOptions, RowFormat
from cli.recipients_file.open_file import open_source
from core.request_parts import recipient_json


def all_of(path: Path, options: FileOptions | None = None) -> list[object]:
    """Read the file twice, and return the recipients if both passes agree."""
    with open_source(path, options) as source:
        first, second = ([recipient_json(row) for row in source.rows()] for _ in range(2))
    assert first == second
    return second


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("people.csv", "to\n138\n", {"to": "138"}),
        ("people.jsonl", '"to"\n', "to"),
        ("people.ndjson", '"138"\n', "138"),
        ("people", "to,name\n138,Li\n", {"to": "138", "variables": {"name": "Li"}}),
        ("people", '"to"\n138\n', {"to": "138"}),
        ("people", '"138"\n', "138"),
        ("people", '{"to": "138"}\n', {"to": "138"}),
    ],
)
def test_the_name_or_else_the_first_line_determines_the_format(
    tmp_path: Path, name: str, text: str, found: object
) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert all_of(path) == [found]


def test_a_given_format_takes_precedence(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text('"138"\n')
    assert all_of(path, FileOptions(RowFormat.JSONL)) == ["138"]


def test_a_pipe_can_be_read_twice(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=["to\n138\n"])
    writer.start()
    assert all_of(pipe) == [{"to": "138"}]
    writer.join()


def test_the_error_for_an_unreadable_file_has_the_reason(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match=r"FILE: .*none.csv cannot be read \(No such file or directory\)"),
        open_source(tmp_path / "none.csv"),
    ):
        pass
