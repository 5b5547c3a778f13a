"""Downloads outside the repository: fetched once, pinned by hash, checked on every use, safe for processes at once."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devstack.errors import StackError


def cache_folder() -> Path:
    """Where downloads are kept: rollcall/ under XDG_CACHE_HOME, which is ~/.cache when unset."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rollcall"


def manifest(name: str) -> dict[str, str]:
    """Files and their sha256, from NAME.sha256 beside this file (as sha256sum writes it)."""
    lines = Path(__file__).with_name(f"{name}.sha256").read_text().splitlines()
    return {file: digest for digest, file in (line.split(maxsplit=1) for line in lines)}


@dataclass(frozen=True)
class Download:
    """A folder of pinned files that `fetch` fills, given an empty one, when they are not in the cache yet."""

    name: str
    pinned: Mapping[str, str]  # file name to sha256
    fetch: Callable[[Path], None]

    @property
    def folder(self) -> Path:
        """Where the files are, or will be."""
        return cache_folder() / self.name

    @property
    def is_there(self) -> bool:
        """Whether all files are there; `get` looks at their hashes too."""
        return all((self.folder / file).is_file() for file in self.pinned)

    def get(self) -> Path:
        """The folder with all files as pinned. What is there but is not so is thrown away and fetched again, once.

        StackError when that is no better, or from `fetch`. A second process waits until the first has fetched.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.folder.with_name(f"{self.name}.lock")):
            if not self._wrong(self.folder):
                return self.folder
            shutil.rmtree(self.folder, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=self.folder.parent, prefix=f"{self.name}.part-") as part:
                files = Path(part) / "files"
                files.mkdir()
                self.fetch(files)
                if wrong := self._wrong(files):
                    raise StackError(f"{self.name} was fetched, but is not as pinned: {', '.join(wrong[:3])}")
                files.rename(self.folder)  # it appears whole or not at all
        return self.folder

    def _wrong(self, folder: Path) -> list[str]:
        """The files that are missing or have another hash."""
        return [file for file, digest in self.pinned.items() if _sha256(folder / file) != digest]


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
