"""Downloads outside the repository.

They are fetched once, pinned by hash and checked on every use. Concurrent processes may use them.
"""

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
    """Return the folder for downloads: rollcall/ under XDG_CACHE_HOME, which is ~/.cache if unset."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rollcall"


def manifest(name: str) -> dict[str, str]:
    """Return files and their sha256, from NAME.sha256 beside this file (in the format of sha256sum)."""
    lines = Path(__file__).with_name(f"{name}.sha256").read_text().splitlines()
    return {file: digest for digest, file in (line.split(maxsplit=1) for line in lines)}


@dataclass(frozen=True)
class Download:
    """Folder of pinned files. If they are not in the cache yet, `fetch` writes them to an empty folder."""

    name: str
    pinned: Mapping[str, str]  # file name to sha256
    fetch: Callable[[Path], None]

    @property
    def folder(self) -> Path:
        """Return the folder of the files, which may not exist yet."""
        return cache_folder() / self.name

    @property
    def is_there(self) -> bool:
        """Return whether all files exist. `get` checks their hashes too."""
        return all((self.folder / file).is_file() for file in self.pinned)

    def get(self) -> Path:
        """Return the folder with all files as pinned. Delete a folder with wrong files and fetch it again, once.

        Raise StackError if the fetched files are wrong too, or if `fetch` raises it. A second process waits until the
        first has fetched the files.
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
                    raise StackError(
                        f"{self.name} was fetched, but has other hashes than pinned: {', '.join(wrong[:3])}"
                    )
                files.rename(self.folder)  # it appears completely or not at all
        return self.folder

    def _wrong(self, folder: Path) -> list[str]:
        """Return the files that are missing or have another hash."""
        return [file for file, digest in self.pinned.items() if _sha256(folder / file) != digest]


def _sha256(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes. The operating system releases it if its owner dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
