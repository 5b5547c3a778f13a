"""Every code block in the README and the docs is run by a test, or gives the reason why not."""

import re
from pathlib import Path

import pytest

from tests.support.repository import ROOT

# The examples of cli.md come from the help, which tests/unit/cli/test_help.py checks.
PAGES = [ROOT / "README.md", *sorted(page for page in (ROOT / "docs").glob("*.md") if page.name != "cli.md")]
FENCE = re.compile(r"^(?P<before>[^\n]*)\n```(?P<language>\w*)\n.*?^```$", re.MULTILINE | re.DOTALL)
RUN = re.compile(r"<!-- (?P<test>tests/[\w/]+\.py) (?P<says>(?:runs|expects) this[\w :-]*) -->")
NOT_RUN = re.compile(r"<!-- not run: \w.* -->")


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return (the line before, the language) of each fenced block."""
    return [(match["before"], match["language"]) for match in FENCE.finditer(page.read_text("utf-8"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_block_names_the_test_that_runs_it_or_says_why_none_does(page: Path) -> None:
    for before, language in blocks(page):
        assert language, f"a block below {before!r} has no language"
        run = RUN.fullmatch(before)
        assert run or NOT_RUN.fullmatch(before), f"nothing says what runs the block below {before!r}"
        if run:
            test = (ROOT / run["test"]).read_text("utf-8")
            assert run["says"] in test, f"{run['test']} does not run {run['says']!r}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_block_is_written_by_indentation(page: Path) -> None:
    """Indented blocks would escape the test above."""
    prose = FENCE.sub("", page.read_text("utf-8"))
    paragraphs = [part for part in prose.split("\n\n") if part.strip("\n")]
    assert [part for part in paragraphs if all(line.startswith("    ") for line in part.strip("\n").splitlines())] == []
