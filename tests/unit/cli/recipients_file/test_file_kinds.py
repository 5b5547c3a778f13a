"""Files that are not text."""

import gzip
import io
import zipfile

import pytest

from cli.errors import CommandError
from tests.support.recipients_files import read_twice


def a_zip(*members: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for member in members:
            archive.writestr(member, "x")
    return file.getvalue()


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (a_zip("[Content_Types].xml", "xl/workbook.xml"), "is a workbook of Excel (.xlsx), not CSV."),
        (a_zip("mimetype", "content.xml"), "is a spreadsheet of LibreOffice (.ods), not CSV."),
        (a_zip("people.csv"), "is a ZIP archive or a workbook, not CSV."),
        (a_zip("xl/workbook.xml")[:40], "is a ZIP archive or a workbook, not CSV."),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "is a workbook of Excel (.xls), not CSV."),
        (gzip.compress(b"to\n138\n", mtime=0), "is compressed with gzip."),
        (b"<html><table><tr><td>to</td></tr></table></html>", "is HTML or XML, not CSV."),
        (b"\xef\xbb\xbf\r\n<?xml version='1.0'?>", "is HTML or XML, not CSV."),
    ],
    ids=["xlsx", "ods", "zip", "cut", "xls", "gzip", "html", "xml"],
)
@pytest.mark.parametrize("name", ["people.csv", "people.xlsx", "people", "people.json"])
def test_a_file_that_is_not_text_is_named_whatever_its_name(raw: bytes, problem: str, name: str) -> None:
    with pytest.raises(CommandError) as caught:
        read_twice(raw, name)
    assert str(caught.value).startswith(f"{name}: {problem}")


def test_the_error_for_a_workbook_says_how_to_save_it() -> None:
    with pytest.raises(CommandError, match='use "Save as" or "Export" and choose "CSV UTF-8"'):
        read_twice(a_zip("xl/workbook.xml"))
