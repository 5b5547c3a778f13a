"""docs/adding-a-provider.md names what exists."""

import re
from pathlib import Path

import pytest

from core.outcome import Failed, Retry, Sent, Uncertain
from providers.entries import HttpEntry, SimulatorEntry, SmtpEntry

ROOT = Path(__file__).parents[2]
RECIPE = (ROOT / "docs" / "adding-a-provider.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(set(re.findall(r"(?:providers|core|tests)/[a-z_/]+\.py", RECIPE))))
def test_every_file_that_the_recipe_names_exists(path: str) -> None:
    assert (ROOT / path).is_file()


@pytest.mark.parametrize("answer", [Sent, Retry, Failed, Uncertain])
def test_every_answer_is_explained(answer: type) -> None:
    assert f"| `{answer.__name__}(" in RECIPE


@pytest.mark.parametrize("entry", [SimulatorEntry, HttpEntry, SmtpEntry])
def test_every_kind_has_its_section(entry: type[SimulatorEntry | HttpEntry | SmtpEntry]) -> None:
    kind = entry.model_fields["kind"].annotation

    assert f"## The kind `{kind.__args__[0]}`" in RECIPE  # type: ignore[union-attr]
