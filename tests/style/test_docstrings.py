"""Docstrings open with a verb or a noun. Neither they nor the product's messages contain a semicolon."""

import re

from tests.style.product import ROOT, SOURCES, docstrings, messages

OPENINGS = re.compile(r"(What|Whether|Who|Whose|Where|How|Which|Why|When|So|Such|Whoever|Nobody|Nothing)\b")
"""First words that make a reader guess what is described."""
CODE = re.compile(r"`[^`]*`|set -a; \. (?:\./\.env)?|; set \+a")
"""Quoted code, and the one line of shell that messages show without quotes: set -a; . FILE; set +a."""
SEMICOLON = re.compile(r"(?:^|[a-z)>'\"`}]); (?!charset=|boundary=|max-age=|q=|v=)(?:[a-zA-Z0-9`'\"{<-]|$)")
"""A semicolon between words or between parts of an f-string. Headers such as `text/html; charset=utf-8` may have it."""


def test_no_docstring_opens_with_a_question_word() -> None:
    assert [place for source in SOURCES for place, text in docstrings(source) if OPENINGS.match(text.lstrip())] == []


def test_no_docstring_contains_a_semicolon() -> None:
    assert [place for source in SOURCES for place, text in docstrings(source) if ";" in CODE.sub("", text)] == []


def test_no_message_contains_a_semicolon() -> None:
    assert [
        place for source in SOURCES for place, text in messages(source) if SEMICOLON.search(CODE.sub("x", text))
    ] == []


def test_the_map_of_a_package_names_files_that_exist() -> None:
    maps = [source for source in SOURCES if source.path.endswith("__init__.py")]
    missing = [
        f"{source.path}: {name}"
        for source in maps
        for name in re.findall(r"\b\w+\.py\b", source.text)
        if not (ROOT / source.path).with_name(name).is_file()
    ]

    assert missing == []
