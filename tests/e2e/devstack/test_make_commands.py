"""The two commands of a first evening: `make demo` and `make up`, and the lines that `make up` gives to copy."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.repository import ROOT
from tests.support.skipping import not_run

SECONDS = 150
SERVERS, SERVICES = ("Kafka", "MongoDB"), ("rollcall producer", "rollcall consumer")
"""Names of the processes. A server that was given or runs in a container has no process of ours."""

pytestmark = [pytest.mark.durable, pytest.mark.timeout(SECONDS * 2)]


@pytest.mark.parametrize("java", [True, False], ids=["real-kafka", "without-java"])
def test_the_demo_ends_with_all_accounted_for(tmp_path: Path, *, java: bool) -> None:
    without = {"PATH": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/nobody.sock", "ROLLCALL_KAFKA_BOOTSTRAP": ""}
    done = subprocess.run(
        [sys.executable, "-m", "devstack.demo"],
        cwd=ROOT,
        env={**os.environ, **({} if java else without)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "all accounted for: yes"
    assert "10,000 recipients in" in done.stdout
    assert "1,000 recipients in" in done.stdout
    assert_the_last_roll_call_has_receipts_and_opt_outs(done.stdout)
    assert ("in-process broker" in done.stderr) is not java


def assert_the_last_roll_call_has_receipts_and_opt_outs(output: str) -> None:
    """The report of the SMS counts 97 of 100 messages as delivered and 1 as come back, and people that opted out."""
    counts = {
        name: int(number.replace(",", ""))
        for name, number in re.findall(
            r"^ *([a-z_]+) +([0-9,]+)(?: |$)", output.rpartition("$ rollcall report")[2], re.MULTILINE
        )
    }
    assert counts["total"] == 10_000
    assert counts["opted_out"] == 50
    assert 9_400 < counts["delivered"] < 9_800
    assert 50 < counts["undelivered"] < 150
    assert counts["sent"] + counts["delivered"] + counts["failed"] + counts["suppressed"] == counts["total"]


@pytest.fixture(scope="module")
def welcome() -> Iterator[str]:
    """Run `make up`, yield its output after the start, and interrupt it at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "devstack.up"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Ctrl-C"):
                break
        else:
            pytest.fail(f"it ended too soon: {process.communicate()[1]}")
        yield "".join(lines)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=SECONDS)
        assert process.returncode == 0
        assert "Traceback" not in said


def block(welcome: str, heading: str) -> str:
    """The lines to copy below a heading, to the next empty line."""
    found = re.search(rf"^{heading}.*\n((?:.+\n)+)", welcome, re.MULTILINE)
    assert found is not None, welcome
    return found[1]


def copied(lines: str) -> str:
    done = subprocess.run(
        ["bash", "-euc", lines], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_request_over_http_works_as_it_is_printed(welcome: str) -> None:
    if shutil.which("curl") is None:
        not_run("needs curl")
    answer = copied(block(welcome, "A first request over HTTP"))
    assert '"code":200' in answer.replace(" ", "")
    assert "138****0001" in answer


def test_the_request_over_kafka_and_its_report_work_as_they_are_printed(welcome: str) -> None:
    over_kafka = block(welcome, "One over Kafka").replace("send ", "send --allow-failed ")
    said = copied(over_kafka)
    assert "all accounted for: yes" in said
    found = re.search(r"^request (\S+)", said, re.MULTILINE)
    assert found is not None
    report = block(welcome, "The results of a request").replace("REQUEST_ID", found[1])
    exports, _, _ = over_kafka.partition(".venv/bin/rollcall")
    assert "all accounted for: yes" in copied(f"{exports}\n{report}")


def test_the_printed_process_ids_are_those_of_running_processes(welcome: str) -> None:
    found = re.search(r"^processes  (.+)$", welcome, re.MULTILINE)
    assert found is not None, welcome
    processes = dict(entry.rsplit(" ", 1) for entry in found[1].split(", "))
    assert {"rollcall producer", "rollcall consumer"} <= processes.keys() <= {*SERVERS, *SERVICES}
    for pid in processes.values():
        os.kill(int(pid), 0)


def test_the_settings_that_are_printed_are_those_of_the_services(welcome: str) -> None:
    settings, _, consumer = block(welcome, "A second consumer").partition("\n")
    assert re.fullmatch(r"ROLLCALL_CONSUMER_HTTP_PORT=\d+ \.venv/bin/rollcall consumer\n", consumer)
    assert "exists   all indexes" in copied(f"{settings}\n.venv/bin/rollcall setup --check")
    token = copied(f"{settings}\n.venv/bin/rollcall token --tenant tnt_xyz789 --user usr_1 --scope communication:send")
    request = re.sub(r"Bearer \S+'", f"Bearer {token.strip()}'", block(welcome, "A first request over HTTP"))
    assert '"tenant_id":"tnt_xyz789"' in copied(request).replace(" ", "")
