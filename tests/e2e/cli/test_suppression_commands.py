"""`rollcall suppressions` on the real stack: a large file in little memory, and no message to its addresses."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import Stack
from tests.support.cli_runner import lines_with_single_spaces
from tests.support.deployment import Deployment, a_deployment

pytestmark = pytest.mark.durable

TENANT = ["--tenant", "tnt_quiet"]
MAIL = ["--channel", "email", *TENANT]
LINES = 30_000
MAX_MEMORY_KB = 150_000
MEASURED = """
from cli.main import app
try:
    app()
finally:
    print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
"""Program that runs a command and prints the peak of its memory in kB. That of a forked process counts its parent's."""


@pytest.fixture(scope="module")
def deployment(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with a_deployment(stack, tmp_path_factory.mktemp("quiet")) as deployment, deployment.service("consumer"):
        yield deployment


@pytest.fixture(scope="module")
def imported(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Import a file with a bad line, and return it."""
    file = tmp_path_factory.mktemp("imported") / "people.csv"
    file.write_text("\n".join(["to", "nobody", *(f"p{number}@example.com" for number in range(LINES))]))
    done = deployment.rollcall_process("suppressions", "import", str(file), *MAIL, "--reason", "opted_out")
    assert (done.returncode, done.stderr) == (1, "people.csv, line 2: recipient: the address has no @.\n")
    assert done.stdout == f"{LINES:,} added, 0 there before, 1 not taken\n"
    return file


def test_a_large_file_takes_little_memory_and_a_second_run_changes_nothing(
    deployment: Deployment, imported: Path
) -> None:
    command = ["suppressions", "import", str(imported), *MAIL, "--reason", "opted_out"]
    again = subprocess.run(
        [sys.executable, "-c", MEASURED, *command], env=deployment.env, capture_output=True, text=True, check=False
    )
    counts, peak_kb = again.stdout.splitlines()
    assert counts == f"0 added, {LINES:,} there before, 1 not taken"
    assert int(peak_kb) < MAX_MEMORY_KB
    exported = deployment.rollcall_process("suppressions", "export", *TENANT).stdout.splitlines()
    assert {json.loads(line)["recipient"] for line in exported} == {f"p{number}@example.com" for number in range(LINES)}


def test_the_roll_call_shows_the_recipients_that_got_nothing(
    deployment: Deployment, imported: Path, tmp_path: Path
) -> None:
    assert imported.exists()
    file = tmp_path / "mail.csv"
    file.write_text("to\nP7@Example.com\nnew@example.com\nlate@example.com\n")
    added = deployment.rollcall("suppressions", "add", "late@example.com", *MAIL, "--reason", "complained")
    assert added.stdout == "l***@example.com: complained for all, in effect for all windows that open from now on\n"

    done = deployment.rollcall("send", str(file), *MAIL, "--content", "Hi", "--subject", "Hi")
    assert done.exit_code == 0
    output = lines_with_single_spaces(done.stdout)
    assert "suppressed 2" in " ".join(output)
    assert output[-1] == "all accounted for: yes"

    removed = deployment.rollcall("suppressions", "remove", "-", *MAIL, stdin="late@example.com\n")
    assert removed.stdout == "l***@example.com: 1 entry removed\n"
    listed = deployment.rollcall("suppressions", "list", *TENANT, "--reason", "complained", "--json")
    assert (listed.exit_code, listed.stdout) == (0, "")


def test_doctor_names_the_key_that_tenants_need(deployment: Deployment, imported: Path) -> None:
    assert imported.exists()
    done = deployment.rollcall("doctor")
    assert "providers and keys of tenants need" in done.stdout
