"""Folders for the data of a stack: deleted at its end, or by a later stack when their owner was killed."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from devstack.cache import locked

_PREFIX = "rollcall-stack-"


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new folder under the system's temporary folder, deleted at the end."""
    # Nobody may look at a new folder before its owner holds its lock.
    with locked(Path(tempfile.gettempdir()) / f"{_PREFIX}{os.getuid()}.lock"):
        _delete_orphans()
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        owner = (folder / "owner").open("w")
        fcntl.flock(owner, fcntl.LOCK_EX)
    with owner:
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _delete_orphans() -> None:
    """Delete the folders whose owner is gone: the system dropped its lock when it died."""
    for owner in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/owner"):
        with contextlib.suppress(OSError), owner.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(owner.parent, ignore_errors=True)
