"""Files and functions are short, a class name stands for one class, and no folder is crowded."""

import ast
from collections import Counter, defaultdict
from pathlib import PurePath

from tests.style.product import SOURCES, functions

MAX_FILE_LINES = 250
MAX_FUNCTION_LINES = 40
"""Lines of a function from its first statement after the docstring."""
MAX_FILES_OF_A_FOLDER = 14
ONE_FOR_EACH_SERVICE = {"Metrics"}
ONE_FOR_EACH_COMMAND = "cli/commands"


def test_no_file_is_longer_than_250_lines() -> None:
    lengths = {source.path: source.text.count("\n") for source in SOURCES}

    assert {path: length for path, length in lengths.items() if length > MAX_FILE_LINES} == {}


def test_no_function_is_longer_than_40_lines() -> None:
    found = {}
    for source in SOURCES:
        for function in functions(source):
            first = function.body[1 if ast.get_docstring(function) and len(function.body) > 1 else 0]
            length = (function.end_lineno or 0) - first.lineno + 1
            if length > MAX_FUNCTION_LINES:
                found[f"{source.path}: {function.name}"] = length

    assert found == {}


def test_no_two_public_classes_share_a_name() -> None:
    places = defaultdict(list)
    for source in SOURCES:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(source.path)

    shared = {name: paths for name, paths in places.items() if len(paths) > 1}
    assert shared.keys() <= ONE_FOR_EACH_SERVICE, shared


def test_a_folder_holds_at_most_14_files() -> None:
    folders = Counter(
        str(PurePath(source.path).parent) for source in SOURCES if not source.path.endswith("__init__.py")
    )
    services = {folder: number for folder, number in folders.items() if folder.split("/")[0] in _SERVICES}

    assert {
        folder: number
        for folder, number in services.items()
        if number > MAX_FILES_OF_A_FOLDER and folder != ONE_FOR_EACH_COMMAND
    } == {}


_SERVICES = {"consumer", "producer", "cli"}
