"""The README, the features and the limits name tests and paths that exist. The other pages explain every status."""

import re

import pytest

from schemas.statuses import Status
from tests.support.repository import ROOT

README = (ROOT / "README.md").read_text("utf-8")
FEATURES = (ROOT / "docs" / "features.md").read_text("utf-8")
LIMITS = (ROOT / "docs" / "limits.md").read_text("utf-8")
READING = (ROOT / "docs" / "reading-results.md").read_text("utf-8")
COMPARISON = README.partition("## How it compares")[2].partition("\n## ")[0]
PAGES = "".join((ROOT / page).read_text("utf-8") for page in ("README.md", "docs/README.md", "docs/deployment.md"))
MAX_LINES = 250
PROOFS = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", README + FEATURES + LIMITS)


@pytest.mark.parametrize(("path", "name"), sorted(set(PROOFS)))
def test_each_test_that_shows_a_guarantee_a_feature_or_a_limit_exists(path: str, name: str) -> None:
    assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("number", range(1, 10))
def test_each_invariant_has_a_test_that_shows_it(number: int) -> None:
    (row,) = re.findall(rf"^\| I{number} \|.*$", README, re.MULTILINE)

    assert "::test_" in row


def test_each_status_is_explained_in_the_words_of_the_code() -> None:
    rows = [f"| `{member.value}` | {member.meaning} |" for member in Status]

    assert "\n".join(["| status | means |", "|---|---|", *rows]) in READING


def test_each_row_of_the_comparison_has_a_test_and_a_source() -> None:
    rows = [line for line in COMPARISON.splitlines() if line.startswith("| ")][1:]
    numbers = set(re.findall(r"\[(\d+)\]", COMPARISON))

    assert all("::test_" in row and re.search(r"\[\d+\]", row) for row in rows)
    assert numbers == set(re.findall(r"^\[(\d+)\]: https://\S+$", README, re.MULTILINE))


def test_each_limit_has_a_test() -> None:
    rows = [line for line in LIMITS.splitlines() if line.startswith("| ") and not line.startswith("| what a caller")]

    assert [row for row in rows if "::test_" not in row] == []


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:docs|deploy|bench|examples)/[\w./-]*)`", PAGES))))
def test_each_path_exists(path: str) -> None:
    assert (ROOT / path).exists()
