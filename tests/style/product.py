"""The product's Python files, parsed once."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.repository import ROOT

PACKAGES = ("schemas", "config", "core", "ledger", "providers", "producer", "consumer", "cli")

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Source(NamedTuple):
    """One file, as text and as a tree."""

    path: str
    text: str
    tree: ast.Module


def _read(path: Path) -> Source:
    text = path.read_text("utf-8")
    return Source(str(path.relative_to(ROOT)), text, ast.parse(text))


SOURCES = [_read(path) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def docstring_nodes(source: Source) -> Iterator[ast.Constant]:
    """The docstrings of modules, classes and functions, and the strings below constants and fields."""
    for node in ast.walk(source.tree):
        if not isinstance(node, (ast.Module, ast.ClassDef, *FUNCTIONS)):
            continue
        for before, statement in zip([None, *node.body], node.body, strict=False):
            match before, statement:
                case None | ast.Assign() | ast.AnnAssign(), ast.Expr(value=ast.Constant(value=str()) as docstring):
                    yield docstring


def docstrings(source: Source) -> Iterator[tuple[str, str]]:
    """Each docstring with its place."""
    return ((f"{source.path}:{node.lineno}", str(node.value)) for node in docstring_nodes(source))


def messages(source: Source) -> Iterator[tuple[str, str]]:
    """Each other string with its place: messages, help texts, descriptions."""
    nodes = set(docstring_nodes(source))
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in nodes:
            yield f"{source.path}:{node.lineno}", node.value


def functions(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Each function and method of a file."""
    return (node for node in ast.walk(source.tree) if isinstance(node, FUNCTIONS))
