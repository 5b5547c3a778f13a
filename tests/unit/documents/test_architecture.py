"""docs/architecture.md names files that exist, and names that exist in these files."""

import re

import pytest

from tests.support.repository import ROOT
from tests.unit.documents.names_in_code import PATH, unknown_names

PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
PATHS = sorted(set(PATH.findall(PAGE)))
SECTIONS = re.findall(r"^### (\d\. .+)\n((?:(?!##).*\n)*)", PAGE, re.MULTILINE)
STEPS = [row for _, section in SECTIONS for row in re.findall(r"^\| `\S+\.py` \| .*$", section, re.MULTILINE)]
CHANGES = PAGE.partition("## Where do I change ...?\n")[2]
OUTSIDE = {"pending"}
"""Words that a step names and another file defines."""


@pytest.mark.parametrize("path", PATHS)
def test_every_path_exists(path: str) -> None:
    folder = "tests/" if (ROOT / "tests" / path).exists() else ""

    assert (ROOT / folder / path).exists()


@pytest.mark.parametrize("step", STEPS)
def test_every_name_of_a_step_exists_in_a_file_of_its_row(step: str) -> None:
    assert [name for name in unknown_names(step) if name not in OUTSIDE] == []


@pytest.mark.parametrize(("title", "section"), SECTIONS, ids=[title for title, _ in SECTIONS])
def test_every_name_in_a_section_exists_in_a_file_of_the_section(title: str, section: str) -> None:
    assert PATH.search(section), title
    assert [name for name in unknown_names(section) if name not in OUTSIDE] == []


def test_the_calls_of_deliver_are_in_the_order_of_the_page() -> None:
    block = PAGE.partition("```text\n")[2].partition("```")[0]
    names = [name for name in re.findall(r"\w+", block) if "_" in name or name in {"send", "advance"}]
    calls = re.findall(
        r"await worker\.(\w+)|worker\.(start_publishing)", (ROOT / "consumer/deliver/deliver.py").read_text("utf-8")
    )
    order = [first or second for first, second in calls]

    assert names == [name for name in order if name in names]


def test_each_row_of_the_table_of_changes_has_files_and_tests() -> None:
    rows = [line.split(" | ") for line in CHANGES.splitlines() if line.startswith("| ")][1:]

    assert len(rows) >= 20
    assert all("`" in files and "`tests/" in tests for _, files, tests in rows)
