"""Code blocks of a document, which a test runs unchanged."""

import re
import subprocess
from pathlib import Path

from tests.support.repository import ROOT


def block(page: str, test: str, marker: str) -> str:
    """Return the fenced block below the comment `<!-- tests/e2e/documents/TEST MARKER -->`."""
    match = re.search(
        rf"<!-- tests/e2e/documents/{re.escape(test)} {re.escape(marker)} -->\n```\w+\n(.*?)```",
        (ROOT / page).read_text("utf-8"),
        re.DOTALL,
    )
    assert match is not None, f"{page} has no block {marker!r}"
    return match[1]


def run(command: list[str | Path], env: dict[str, str], folder: Path = ROOT, seconds: float = 60) -> str:
    """Run a command and return its output. Fail if it has an error or a warning."""
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=seconds, check=False)
    assert (done.returncode, done.stderr) == (0, ""), f"{done.returncode}: {done.stderr}"
    return done.stdout
