"""Markdown pages are wrapped at 120 columns, and their sentences hardly ever need a semicolon."""

import re
from pathlib import Path

import pytest

from tests.support.repository import ROOT

GENERATED = {ROOT / "docs" / name for name in ("cli.md", "errors.md", "settings.md")}
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [page for page in (ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS) if page not in GENERATED]
MAX_COLUMNS = 120
MAX_SEMICOLON_SHARE = 0.02
FENCED_BLOCK = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
CODE = re.compile(r"`[^`]*`")
LINK_LINE = re.compile(r"\s*([-*]|\[[^\]]+\]:)?\s*(\[[^\]]*\]\([^)]*\)|<?https?://\S+>?)\W*")
TABLE_RULE = re.compile(r"[\s|:-]+")
ITEM = re.compile(r"\s*(?:#+|[-*+]|\d+\.)\s+")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def without_code_blocks(text: str) -> str:
    """Keep the line numbers, so that a failure names the right line."""
    return FENCED_BLOCK.sub(lambda block: "\n" * block[0].count("\n"), text)


def long_lines(text: str) -> list[int]:
    """Return the numbers of lines that are too long and are neither a table row, code, a comment nor a link alone."""
    return [
        number
        for number, line in enumerate(without_code_blocks(text).splitlines(), 1)
        if len(line) > MAX_COLUMNS and not line.lstrip().startswith(("|", "<!--")) and not LINK_LINE.fullmatch(line)
    ]


def sentences(text: str) -> list[str]:
    """Return the sentences of paragraphs, list items, headings and table cells, with a placeholder for inline code."""
    prose = CODE.sub("code", COMMENT.sub("", without_code_blocks(text)))
    blocks: list[str] = [""]
    for line in prose.splitlines():
        if line.lstrip().startswith("|"):
            blocks += ["", *(line.strip().strip("|").split(" | ") if not TABLE_RULE.fullmatch(line) else ()), ""]
        elif not line.strip() or line.startswith("#"):
            blocks += [line, ""]
        elif ITEM.match(line):
            blocks.append(line)
        else:
            blocks[-1] += f" {line}"
    return [sentence for block in blocks for sentence in SENTENCE_END.split(block.strip()) if sentence.strip()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_is_wrapped_at_120_columns(page: Path) -> None:
    assert long_lines(page.read_text("utf-8")) == []


def test_few_sentences_contain_a_semicolon() -> None:
    pages = [page for page in PAGES if page.name != "CHANGELOG.md"]
    all_sentences = [(page.name, text) for page in pages for text in sentences(page.read_text("utf-8"))]
    with_semicolon = [(name, text) for name, text in all_sentences if ";" in text]

    assert len(with_semicolon) <= MAX_SEMICOLON_SHARE * len(all_sentences), with_semicolon


def test_code_tables_and_links_may_be_long() -> None:
    wide = "x" * MAX_COLUMNS
    text = f"```sh\n{wide} {wide}\n```\n| {wide} |\n- [{wide}](page.md)\n<!-- {wide} -->\n{wide} y\n"

    assert long_lines(text) == [7]


def test_a_semicolon_in_code_does_not_count() -> None:
    text = "One sentence\nover two lines. `a; b` is\ncode.\n\n- first; item\n- second\n\n| a; b | c |\n|---|---|\n"

    assert sentences(text) == [
        "One sentence over two lines.",
        "code is code.",
        "- first; item",
        "- second",
        "a; b",
        "c",
    ]
