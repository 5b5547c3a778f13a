"""Lines of the file, for recipients without a reference."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.recipients_file.layout import FileOptions
from cli.recipients_file.open_file import Source, open_source
from cli.report.file_lines import FileLines, open_lines, with_lines
from cli.report.summary import NotReached, Summary


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Source]:
    """Return a file with recipients on the lines 2, 3, 6 and 7."""
    path = tmp_path / "people.csv"
    path.write_text('to,name\n1,a\n2,"b\nb"\n\n3,c\n4,d\n')
    with open_source(path) as opened:
        yield opened


def missed(part: int, index: int, reference: str | None = None) -> NotReached:
    return NotReached(part, index, "***", reference, "failed", None, None, "log")


def a_summary(*recipients: NotReached) -> Summary:
    return Summary(counts={}, total=4, not_reached=recipients, not_reached_total=2, accounted=True)


def test_the_line_of_each_recipient_without_a_reference_is_found(source: Source) -> None:
    summary = with_lines(a_summary(missed(0, 0), missed(0, 1, "r"), missed(1, 0), missed(1, 1)), source, [2, 2])
    assert [recipient.line for recipient in summary.not_reached] == [2, None, 6, 7]


def test_a_part_behind_one_of_unknown_size_has_no_lines(source: Source) -> None:
    summary = with_lines(a_summary(missed(0, 1), missed(1, 0)), source, [])
    assert [recipient.line for recipient in summary.not_reached] == [3, None]


def test_a_file_that_has_changed_does_not_stop_the_roll_call(source: Source) -> None:
    summary = a_summary(missed(0, 9))
    assert with_lines(summary, source, [10]) == summary


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("to\n1\n", "p.csv: is not the file that was sent. It has 1 recipients, the request has 2."),
        ('to\n"1\n', "p.csv, line 2: not valid CSV."),
    ],
)
def test_another_file_than_the_one_that_was_sent_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(CommandError) as caught, open_lines(path, FileOptions(), [1, 1]):
        pass
    assert str(caught.value).startswith(problem)


def test_recipients_are_found_in_request_order_only(source: Source) -> None:
    lines = FileLines(source, [4])
    assert [lines.line(0, index) for index in (1, 1, 3)] == [3, 3, 7]
    with pytest.raises(AssertionError):
        lines.line(0, 0)


def test_a_report_finds_lines_in_a_file_whose_column_region_was_a_variable(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("to,region\n1,North\n2,South\n")
    with open_lines(path, FileOptions(), [2]) as new_lines:
        lines = new_lines()
        assert lines is not None
        assert lines.line(0, 1) == 3
