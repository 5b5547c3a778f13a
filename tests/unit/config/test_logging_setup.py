"""Lines of the log, as a service writes them."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import os, structlog
from config.logging_setup import configure_logging
configure_logging()
structlog.get_logger().info("request accepted", request_id="r1")
os._exit(7)
"""


def test_a_line_that_cannot_be_written_is_lost_and_nothing_else_fails() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (7, "")


def test_a_line_is_one_json_object() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 7
    first = json.loads(done.stdout.splitlines()[0])
    assert {name: first[name] for name in ("event", "level", "request_id")} == {
        "event": "request accepted",
        "level": "info",
        "request_id": "r1",
    }
