"""Folders for the data of a stack. They are deleted at its end, or by a later stack if their owner was killed."""

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
    """Yield a new folder under the system's temporary folder, and delete it at the end."""
    # No other process may look at a new folder before its owner holds its lock.
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
    """Delete folders whose owner has died. The operating system released their locks."""
    for owner in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/owner"):
        with contextlib.suppress(OSError), owner.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(owner.parent, ignore_errors=True)
