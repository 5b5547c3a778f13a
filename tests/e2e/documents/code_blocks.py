"""The blocks of a document that a test runs as they stand there."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]


def block(page: str, test: str, says: str) -> str:
    """The fenced block below the comment `<!-- tests/e2e/documents/TEST says -->`."""
    found = re.search(
        rf"<!-- tests/e2e/documents/{re.escape(test)} {re.escape(says)} -->\n```\w+\n(.*?)```",
        (ROOT / page).read_text("utf-8"),
        re.DOTALL,
    )
    assert found is not None, f"{page} has no block {says!r}"
    return found[1]


def run(command: list[str | Path], env: dict[str, str], folder: Path = ROOT, seconds: float = 60) -> str:
    """What a command prints; it ends well and warns of nothing."""
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=seconds, check=False)
    assert (done.returncode, done.stderr) == (0, ""), f"{done.returncode}: {done.stderr}"
    return done.stdout
