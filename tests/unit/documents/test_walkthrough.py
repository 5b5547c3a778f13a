"""docs/walkthrough.md leads through files and names that exist, seven files at most."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WALK = (ROOT / "docs" / "walkthrough.md").read_text("utf-8")
SECTIONS = re.findall(r"^## \d\. (\S+\.py): .*\n((?:(?!## ).*\n)*)", WALK, re.MULTILINE)
NOT_CODE = {"event_id", "request.completed"}
"""A field and an event that a reader of results knows."""


def names_of(path: str) -> set[str]:
    """Every name that a file defines, imports or uses, methods also with their class."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name, body=body):
                found |= {name, *(f"{name}.{method.name}" for method in body if isinstance(method, _FUNCTIONS))}
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.alias(name=name):
                found.add(name)
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
                found.add(name)
    return found


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def test_it_is_a_walk_of_at_most_seven_files() -> None:
    named = set(re.findall(r"[\w/]+\.py", WALK))

    assert named == {path for path, _ in SECTIONS}
    assert 1 < len(named) <= 7


@pytest.mark.parametrize(("path", "text"), SECTIONS, ids=[path for path, _ in SECTIONS])
def test_each_name_is_one_of_the_folder_of_its_section(path: str, text: str) -> None:
    named = set(re.findall(r"`([^`\n]+)`", text)) - NOT_CODE

    assert named
    folder = [str(file.relative_to(ROOT)) for file in (ROOT / path).parent.glob("*.py")]
    assert named - set().union(*map(names_of, folder)) == set()
