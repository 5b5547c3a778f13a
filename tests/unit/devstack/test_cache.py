"""Downloads are fetched once, only as pinned, and by one process at a time."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from devstack import StackError
from devstack.cache import Download

GOOD = b"as pinned"
PINNED = {"file.jar": hashlib.sha256(GOOD).hexdigest()}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "rollcall"


class Source:
    """Source of a package. It counts the fetches."""

    def __init__(self, content: bytes = GOOD) -> None:
        self.content = content
        self.fetched = 0

    def __call__(self, folder: Path) -> None:
        self.fetched += 1
        (folder / "file.jar").write_bytes(self.content)


def test_a_package_is_fetched_once_and_reused() -> None:
    source = Source()
    download = Download("package", PINNED, source)
    assert not download.is_there
    assert (download.get() / "file.jar").read_bytes() == GOOD
    assert download.is_there
    download.get()
    assert source.fetched == 1


def test_a_package_that_is_not_as_pinned_is_refused_and_leaves_nothing(cache: Path) -> None:
    with pytest.raises(StackError, match="other hashes than pinned"):
        Download("package", PINNED, Source(b"something else")).get()
    assert [entry.name for entry in cache.iterdir()] == ["package.lock"]


def test_a_file_that_was_changed_in_the_cache_is_fetched_again() -> None:
    source = Source()
    folder = Download("package", PINNED, source).get()
    (folder / "file.jar").write_bytes(b"tampered")
    assert (Download("package", PINNED, source).get() / "file.jar").read_bytes() == GOOD
    assert source.fetched == 2


def test_two_processes_fetch_once(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from devstack.cache import Download

def fetch(folder):
    with Path({str(tmp_path / "fetched")!r}).open("a") as count:
        count.write("once ")
    (folder / "file.jar").write_bytes({GOOD!r})

print(Download("package", {PINNED!r}, fetch).get())
"""
    both = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    folders = {process.communicate(timeout=30)[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(folders) == 1
    assert (tmp_path / "fetched").read_text() == "once "
