"""Paths and names in backticks on a page, compared with the code."""

import re

from tests.support.repository import ROOT

PATH = re.compile(r"`((?:\w+/)+[\w.]*)`")
NAME = re.compile(r"`([A-Za-z_]\w*)`")


def has_name(path: str, name: str) -> bool:
    """Return whether the file, or a Python file below the folder, has the name as a whole word."""
    place = ROOT / path
    files = place.rglob("*.py") if place.is_dir() else [place]
    return any(re.search(rf"\b{name}\b", file.read_text("utf-8")) for file in files)


def unknown_names(text: str) -> list[str]:
    """Return the names in the text that no file named in the text has."""
    paths = PATH.findall(text)
    return [name for name in NAME.findall(text) if not any(has_name(path, name) for path in paths)]
