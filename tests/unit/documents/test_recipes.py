"""docs/recipes.md names files that exist."""

import re

import pytest

from tests.support.repository import ROOT

RECIPES = (ROOT / "docs" / "recipes.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`((?:\w+/)+[\w.]*)`", RECIPES)))


@pytest.mark.parametrize("path", NAMED)
def test_every_file_that_a_recipe_names_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_steps_of_each_recipe_are_numbered_in_order() -> None:
    for recipe in RECIPES.split("\n## ")[1:]:
        numbers = [int(number) for number in re.findall(r"^\| (\d+) \|", recipe, re.MULTILINE)]

        assert numbers == list(range(1, len(numbers) + 1))
