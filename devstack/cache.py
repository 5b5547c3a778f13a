"""Downloads outside the repository: fetched once, pinned by hash, checked on every use, safe for processes at once."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devstack.errors import StackError


def cache_folder() -> Path:
    """Where downloads are kept: rollcall/ under XDG_CACHE_HOME, which is ~/.cache when unset."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rollcall"


def manifest(name: str) -> dict[str, str]:
    """The pinned files of a package and their sha256, from NAME.sha256 beside this file (as sha256sum writes it)."""
    lines = Path(__file__).with_name(f"{name}.sha256").read_text().splitlines()
    return {file: digest for digest, file in (line.split(maxsplit=1) for line in lines)}


def is_cached(name: str) -> bool:
    """Whether the package is there with all its files; their hashes are looked at by `cached`."""
    folder = cache_folder() / name
    return all((folder / file).is_file() for file in manifest(name))


def cached(name: str, fetch: Callable[[Path], None]) -> Path:
    """The folder with a package's files, all as pinned; `fetch` fills an empty folder when they are not there yet.

    What was there but is not as pinned is thrown away and fetched again, once. StackError when that is no better.
    """
    folder = cache_folder() / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_name(f"{name}.lock")):
        if not _differing(folder, name):
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{name}.part-") as part:
            files = Path(part) / "files"
            files.mkdir()
            fetch(files)
            if wrong := _differing(files, name):
                raise StackError(f"{name}: downloaded, but not as pinned: {', '.join(wrong[:3])}", f"rm -r {folder}*")
            files.rename(folder)  # it appears whole or not at all
    return folder


def _differing(folder: Path, name: str) -> list[str]:
    """The pinned files that are missing or have another hash."""
    return [file for file, digest in manifest(name).items() if _sha256(folder / file) != digest]


def _sha256(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that other processes respect; the system drops it when its holder dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
