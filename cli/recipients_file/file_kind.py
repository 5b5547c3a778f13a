"""Files that are not text, recognised by their first bytes whatever their names are."""

import zipfile
from typing import BinaryIO

_AS_CSV = 'In the spreadsheet, use "Save as" or "Export" and choose "CSV UTF-8".'
_BY_START = {
    b"\xd0\xcf\x11\xe0": f"is a workbook of Excel (.xls), not CSV. {_AS_CSV}",
    b"\x1f\x8b": "is compressed with gzip. Unpack it first, for example with gunzip.",
    b"BZh": "is compressed with bzip2. Unpack it first.",
    b"\xfd7zXZ\x00": "is compressed with xz. Unpack it first.",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd. Unpack it first.",
    b"7z\xbc\xaf": "is a 7z archive. Unpack it first.",
    b"Rar!": "is a RAR archive. Unpack it first.",
    b"%PDF": "is a PDF document. Save the list as CSV.",
    b"PAR1": "is a Parquet file. Export it as CSV.",
    b"SQLite format 3\x00": "is a SQLite database. Export the list as CSV.",
    b"{\\rtf": "is an RTF document. Save the list as CSV.",
}
_MARKUP = (b"<html", b"<!doctype", b"<table", b"<?xml", b"<workbook")
"""Starts of tables that web applications and Excel save as .xls although they are HTML or XML."""
_BY_MEMBER = {
    "xl/workbook.xml": "is a workbook of Excel (.xlsx), not CSV",
    "xl/workbook.bin": "is a workbook of Excel (.xlsb), not CSV",
    "content.xml": "is a spreadsheet of LibreOffice (.ods), not CSV",
    "Index/Document.iwa": "is a spreadsheet of Numbers, not CSV",
}


def describe_binary(file: BinaryIO) -> str | None:
    """Return what a file is, and how to get a text file from it. Return None if it may be a text file."""
    file.seek(0)
    start = file.read(64)
    if start.startswith(b"PK\x03\x04"):
        return _describe_zip(file)
    for magic, text in _BY_START.items():
        if start.startswith(magic):
            return text
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_MARKUP):
        return f"is HTML or XML, not CSV. Open it in a spreadsheet. {_AS_CSV}"
    return None


def _describe_zip(file: BinaryIO) -> str:
    try:
        with zipfile.ZipFile(file) as archive:
            members = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        members = set()
    kind = next((text for member, text in _BY_MEMBER.items() if member in members), None)
    return f"{kind}. {_AS_CSV}" if kind else f"is a ZIP archive or a workbook, not CSV. Unpack it, or: {_AS_CSV}"
