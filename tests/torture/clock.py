"""A process whose clock is wrong: its time of day is shifted beneath Python, by a library that it loads first."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

_SOURCE = Path(__file__).with_name("clock_shift.c")


def why_no_shift() -> str | None:
    """None where a clock can be shifted here."""
    return None if shutil.which("cc") else "no C compiler is here to shift a clock with"


def shifted(env: Mapping[str, str], seconds: int, folder: Path) -> dict[str, str]:
    """The environment of a process that lives so many seconds ahead; behind, where they are negative."""
    library = folder / "clock_shift.so"
    if not library.exists():
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, _SOURCE], check=True)
    return {**env, "LD_PRELOAD": str(library), "CLOCK_SHIFT_SECONDS": str(seconds)}
