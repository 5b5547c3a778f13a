"""The README names what exists, and all of it."""

import re
from pathlib import Path

import pytest

from schemas.statuses import Status

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text("utf-8")
PROOFS = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", README)


@pytest.mark.parametrize(("path", "name"), sorted(set(PROOFS)))
def test_each_test_that_shows_a_guarantee_exists(path: str, name: str) -> None:
    assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("number", range(1, 10))
def test_each_invariant_has_a_test_that_shows_it(number: int) -> None:
    (row,) = re.findall(rf"^\| I{number} \|.*$", README, re.MULTILINE)

    assert "::test_" in row


def test_each_status_is_explained_in_the_words_of_the_code() -> None:
    rows = [f"| `{member.value}` | {member.meaning} |" for member in Status]

    assert "\n".join(["| status | means |", "|---|---|", *rows]) in README


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:docs|deploy|bench|examples)/[\w./-]*)`", README))))
def test_each_path_exists(path: str) -> None:
    assert (ROOT / path).exists()
