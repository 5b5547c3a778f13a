"""docs/recipes.md names files that exist, and names that exist in these files."""

import re

import pytest

from tests.support.repository import ROOT
from tests.unit.documents.names_in_code import PATH, unknown_names

PAGE = (ROOT / "docs" / "recipes.md").read_text("utf-8")
RECIPES = PAGE.split("\n## ")[1:]
STEPS = re.findall(r"^\| \d+ \|.*$", PAGE, re.MULTILINE)
OUTSIDE = {"mypy"}
"""Words that a row names and that are commands."""


@pytest.mark.parametrize("path", sorted(set(PATH.findall(PAGE))))
def test_every_file_that_a_recipe_names_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("step", STEPS)
def test_every_name_of_a_step_exists_in_a_file_of_its_row(step: str) -> None:
    assert [name for name in unknown_names(step) if name not in OUTSIDE] == []


@pytest.mark.parametrize("recipe", RECIPES, ids=[recipe.partition("\n")[0] for recipe in RECIPES])
def test_every_name_in_a_recipe_exists_in_a_file_of_the_recipe(recipe: str) -> None:
    assert [name for name in unknown_names(recipe) if name not in OUTSIDE] == []


@pytest.mark.parametrize("recipe", RECIPES, ids=[recipe.partition("\n")[0] for recipe in RECIPES])
def test_the_steps_of_each_recipe_are_numbered_in_order(recipe: str) -> None:
    numbers = [int(number) for number in re.findall(r"^\| (\d+) \|", recipe, re.MULTILINE)]

    assert numbers == list(range(1, len(numbers) + 1))
