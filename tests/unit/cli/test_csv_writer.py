"""CSV output that a spreadsheet shows unchanged."""

import contextlib
import csv
import os
from pathlib import Path

import pytest

from cli.errors import CommandError, UsageError
from cli.report.csv_writer import open_csv_writer


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+86", "'+86"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (" =1", "' =1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\uff0b1", "'\uff0b1"),
        ("\uff0d1", "'\uff0d1"),
        ("\uff20SUM(A1)", "'\uff20SUM(A1)"),
        ("x;=1", "x;'=1"),
        ("x; @A1;-1", "x;' @A1;'-1"),
        ("\t=1", "?=1"),
        ("\r\n=1", "??=1"),
        ("\x1b[2J", "?[2J"),
    ],
)
def test_no_cell_is_a_formula_or_controls_a_terminal(tmp_path: Path, cell: str, shown: str) -> None:
    with open_csv_writer(tmp_path / "a.csv", ["reference", "error"]) as writer:
        writer.add([cell, None])
    with (tmp_path / "a.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["reference", "error"], [shown, ""]]


def test_every_cell_is_quoted(tmp_path: Path) -> None:
    with open_csv_writer(tmp_path / "a.csv", ["reference", "error"]) as writer:
        writer.add(["x", None])
    assert (tmp_path / "a.csv").read_text() == '"reference","error"\n"x",""\n'


def test_other_cells_are_not_changed(tmp_path: Path) -> None:
    cells = ["138****8000", 'a "b", c', "您好", "a=b"]
    with open_csv_writer(tmp_path / "a.csv", ["a", "b", "c", "d"]) as writer:
        writer.add(cells)
    assert list(csv.reader((tmp_path / "a.csv").read_text("utf-8").splitlines()))[1] == cells


def test_a_file_is_replaced_when_all_is_written_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    with contextlib.suppress(CommandError), open_csv_writer(path, ["a"]) as writer:
        writer.add(["new"])
        raise CommandError("the ledger went away")
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]
    assert path.read_text() == "old"
    with open_csv_writer(path, ["a"]) as writer:
        writer.add(["new"])
    assert path.read_text() == '"a"\n"new"\n'


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--csv: .*none/a.csv cannot be written \(No such file or directory\)"):
        open_csv_writer(tmp_path / "none" / "a.csv", ["a"]).__enter__()


def test_a_pipe_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with open_csv_writer(pipe, ["a"]) as writer:
        writer.add(["1"])
    assert os.read(reader, 100) == b'"a"\n"1"\n'
    os.close(reader)
    assert pipe.is_fifo()
