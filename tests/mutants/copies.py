"""A copy of the product in which some text is changed, and commands run with it."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("schemas", "config", "core", "ledger", "providers", "producer", "consumer", "cli", "devstack")


class Edit(NamedTuple):
    """One change of one file."""

    file: str
    old: str
    """Stands in the file exactly once."""
    new: str


class Stale(Exception):  # noqa: N818  # says what the mutant is
    """The product has moved on: the text to be changed is not there exactly once."""


def change(edit: Edit, root: Path) -> str:
    """The text of the file below this folder after the change. Raises Stale."""
    source = (root / edit.file).read_text()
    if source.count(edit.old) != 1:
        raise Stale(f"{edit.file} has {source.count(edit.old)} times: {edit.old.strip()}")
    return source.replace(edit.old, edit.new)


@contextmanager
def copy_with(edits: Sequence[Edit]) -> Iterator[Path]:
    """A folder with the product, changed, and the tests beside it."""
    with tempfile.TemporaryDirectory(prefix="rollcall-mutant-") as name:
        folder = Path(name)
        for package in PACKAGES:
            shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "tests").symlink_to(ROOT / "tests")
        for edit in edits:
            (folder / edit.file).write_text(change(edit, folder))
        yield folder


def run_in(folder: Path, module: str, *arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run a module of the tests with the copy in the place of the product. Raises TimeoutExpired."""
    # The folder comes first on the path: here as the current one, by the variable in processes that are started there.
    env = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
