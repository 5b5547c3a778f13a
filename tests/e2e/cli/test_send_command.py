"""`rollcall send` and `rollcall report` through the real services."""

import asyncio
import os
import pty
import re
import secrets
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devstack import Stack
from tests.support.cli_runner import ROLLCALL, lines_with_single_spaces
from tests.support.deployment import Deployment, a_deployment
from tests.support.polling import wait_until

pytestmark = pytest.mark.durable

SMS = ["--channel", "sms", "--content", "Hello {{name}}", "--tenant", "tnt_test"]
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat()


@pytest.fixture(scope="module")
def deployment(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Run one consumer with its own topics for the whole file."""
    with (
        a_deployment(stack, tmp_path_factory.mktemp("cli"), REPLY_TOPICS="house-*") as deployment,
        deployment.service("consumer"),
    ):
        yield deployment


def people_without_references(tmp_path: Path) -> str:
    """Write a file as a spreadsheet does: cp1252, semicolons, and a second recipient without a name."""
    path = tmp_path / "liste.csv"
    path.write_bytes("Name;To;\r\nMüller;13800138000;\r\n;13900139000;\r\n;;\r\n".encode("cp1252"))
    return str(path)


def people(tmp_path: Path, number: int = 300, *, bad: int = 0, repeated: int = 0) -> str:
    """Write a CSV with this number of recipients. The last ones are invalid or repeat the first one."""
    good = number - bad - repeated
    addresses = [*(f"138{n:08d}" for n in range(good)), *["13800000000"] * repeated, *["nobody"] * bad]
    path = tmp_path / "people.csv"
    path.write_text("to,name,reference\n" + "".join(f"{to},Li,order-{n}\n" for n, to in enumerate(addresses)))
    return str(path)


def test_a_file_is_sent_followed_and_reported(deployment: Deployment, tmp_path: Path) -> None:
    file = people(tmp_path, bad=4, repeated=6)
    sent = deployment.rollcall("send", file, *SMS, "--request-id", "called")
    lines = lines_with_single_spaces(sent.stdout)
    assert lines[:2] == ["request called", "300 recipients in 1 part"]
    assert "sent 290 the provider accepted the message" in lines
    assert "invalid_recipient 4 the address is not valid for this channel" in lines
    assert "duplicate 6 the same address appears earlier in the request" in lines
    assert "138****0000 order-290 suppressed duplicate" in lines
    assert lines[-1] == "all accounted for: yes"
    assert (sent.exit_code, sent.stderr) == (1, "")
    assert "13800000000" not in sent.stdout
    assert all(line.isprintable() for line in sent.stdout.splitlines())

    reported = deployment.rollcall("report", "called", "--tenant", "tnt_test")
    assert reported.exit_code == 0
    counts = lines.index("status recipients meaning")
    assert set(lines[counts:]) <= set(lines_with_single_spaces(reported.stdout))

    unknown = deployment.rollcall("report", "called", "--tenant", "tnt_other")
    assert (unknown.exit_code, unknown.stdout) == (3, "")


def test_recipients_without_a_reference_are_named_by_their_line(deployment: Deployment, tmp_path: Path) -> None:
    file = people_without_references(tmp_path)
    sent = deployment.rollcall("send", file, *SMS, "--column", "name=Name", "--request-id", "lines")
    assert "139****9000 3 failed missing_variable" in lines_with_single_spaces(sent.stdout)
    options = ["--tenant", "tnt_test", "--file", file, "--csv", "-"]
    reported = deployment.rollcall("report", "lines", *options)
    assert [line.rpartition(",")[2] for line in reported.stdout.splitlines()] == ['"line"', '"3"']


def test_a_repeat_sends_nothing_twice_and_prints_the_same_roll_call(deployment: Deployment, tmp_path: Path) -> None:
    file = people(tmp_path, bad=2)
    first, second = (
        deployment.rollcall("send", file, *SMS, "--request-id", "repeated", "--allow-failed") for _ in range(2)
    )
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert second.stdout == first.stdout
    assert deployment.database["communication_logs"].count_documents({"request_id": "repeated"}) == 300


def test_a_repeat_without_a_ledger_reads_the_earlier_events(deployment: Deployment, tmp_path: Path) -> None:
    file = people(tmp_path, bad=2)
    without = replace(deployment, env={name: v for name, v in deployment.env.items() if name != "ROLLCALL_MONGO_URL"})
    first, second = (without.rollcall("send", file, *SMS, "--request-id", "heard", "--allow-failed") for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert second.stdout == first.stdout


def test_a_killed_send_continues_and_sends_nothing_twice(deployment: Deployment, tmp_path: Path) -> None:
    path = tmp_path / "people.jsonl"
    line = '{"to": "138%08d", "variables": {"name": "Li", "note": "%s"}}\n'
    path.write_text("".join(line % (n, secrets.token_hex(40_000)) for n in range(200)))
    args = ["send", str(path), *SMS, "--request-id", "killed"]
    begun = {"head.request_id": "killed", "parts": {"$ne": {}}}
    with subprocess.Popen([ROLLCALL, *args], env=deployment.env, stdout=subprocess.DEVNULL) as child:
        asyncio.run(wait_until(lambda: deployment.database["requests"].find_one(begun)))
        child.kill()
    taken_up = deployment.database["requests"].find_one(begun)
    assert taken_up is not None
    assert taken_up["completion"] is None
    assert child.returncode == -signal.SIGKILL

    again = deployment.rollcall(*args)
    assert (again.exit_code, again.stderr) == (0, "")
    assert "200 recipients in 19 parts" in again.stdout
    assert lines_with_single_spaces(again.stdout)[-2:] == ["", "all accounted for: yes"]
    assert "sent 200 the provider accepted the message" in lines_with_single_spaces(again.stdout)
    logs = list(deployment.database["communication_logs"].find({"request_id": "killed"}))
    assert len(logs) == 200
    assert {log["attempts"] for log in logs} == {1}


def test_another_body_with_the_same_id_is_rejected(deployment: Deployment, tmp_path: Path) -> None:
    file = people(tmp_path, 3)
    assert deployment.rollcall("send", file, *SMS, "--request-id", "taken").exit_code == 0
    refused = deployment.rollcall("send", people(tmp_path, 4), *SMS, "--request-id", "taken")
    assert refused.exit_code == 1
    assert refused.stderr == (
        "request taken (part 0) was rejected: request_conflict, the request id is already used with another body.\n"
    )
    assert "accounted" not in refused.stdout


def test_a_large_file_travels_in_parts(deployment: Deployment, tmp_path: Path) -> None:
    path = tmp_path / "people.jsonl"
    line = '{"to": "138%08d", "variables": {"name": "Li", "note": "' + "x" * 2_000 + '"}}\n'
    path.write_text("".join(line % n for n in range(1_000)))
    sent = deployment.rollcall("send", str(path), *SMS)
    assert "1,000 recipients in 3 parts" in sent.stdout
    assert (sent.exit_code, sent.stdout.splitlines()[-1]) == (0, "all accounted for: yes")


def test_a_pipe_is_sent_and_no_wait_ends_at_once(deployment: Deployment) -> None:
    sent = deployment.rollcall_process("send", "-", *SMS, "--variable", "name=Li", "--no-wait", stdin='"13800138000"\n')
    assert sent.returncode == 0
    request_id = sent.stdout.split()[1]
    assert re.fullmatch(
        rf"published: see (\S+/)?rollcall report {request_id} --tenant tnt_test", sent.stdout.splitlines()[-1]
    )


def test_events_are_read_from_a_reply_topic_and_rejections_from_the_default_one(
    deployment: Deployment, tmp_path: Path
) -> None:
    file = people(tmp_path, 3)
    own = deployment.rollcall("send", file, *SMS, "--reply-topic", deployment.topics.results)
    assert (own.exit_code, own.stdout.splitlines()[-1]) == (0, "all accounted for: yes")
    forbidden = deployment.rollcall("send", file, *SMS, "--reply-topic", deployment.topics.receipts)
    assert forbidden.exit_code == 1
    assert "reply_topic_refused" in forbidden.stderr


def test_the_timeout_ends_the_wait_for_a_scheduled_request(deployment: Deployment, tmp_path: Path) -> None:
    args = ["--send-at", TOMORROW, "--timeout", "3"]
    late = deployment.rollcall("send", people(tmp_path, 3), *SMS, *args)
    assert late.exit_code == 1
    assert late.stdout.splitlines()[-2:] == [
        "not completed within 3 s, but the request continues without this command",
        "all accounted for: no",
    ]


def test_ctrl_c_prints_the_report_command(deployment: Deployment, tmp_path: Path) -> None:
    args = ["send", people(tmp_path, 3), *SMS, "--request-id", "left", "--send-at", TOMORROW]
    with subprocess.Popen(
        [ROLLCALL, *args], env=deployment.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        asyncio.run(wait_until(lambda: deployment.database["requests"].count_documents({"head.request_id": "left"})))
        child.send_signal(signal.SIGINT)
        _, output = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "rollcall report left --tenant tnt_test" in output
    assert "Traceback" not in output


def test_a_file_is_sent_through_the_http_service(deployment: Deployment, tmp_path: Path) -> None:
    token = deployment.rollcall("token", "--tenant", "tnt_test", "--user", "usr_test").stdout.strip()
    with deployment.service("producer") as producer:
        args = ["--channel", "sms", "--content", "Hello {{name}}", "--url", producer.url, "--token", token]
        sent = deployment.rollcall("send", people(tmp_path, 3), *args)
        assert (sent.exit_code, sent.stderr) == (0, "")
        assert "3 recipients accepted by the service" in sent.stdout
        assert sent.stdout.splitlines()[-1] == "all accounted for: yes"

        for _ in range(2):
            sent = deployment.rollcall("send", people(tmp_path, 3), *args, "--request-id", "called-twice")
            assert (sent.exit_code, sent.stdout.splitlines()[-1]) == (0, "all accounted for: yes")
        assert deployment.database["communication_logs"].count_documents({"request_id": "called-twice"}) == 3

        file = people_without_references(tmp_path)
        sent = deployment.rollcall("send", file, *args, "--column", "name=Name", "--request-id", "list")
        lines = lines_with_single_spaces(sent.stdout)
        assert lines[0] == "liste.csv: encoding cp1252, separated by semicolons, column Name as name"
        assert "139****9000 3 failed missing_variable" in lines
        assert (sent.exit_code, sent.stderr, lines[-1]) == (1, "", "all accounted for: yes")

        refused = deployment.rollcall("send", people(tmp_path, 3), *args[:-1], "no token")
        assert refused.exit_code == 1
        assert refused.stderr.startswith("--url: the service answered 401: ")


def test_a_terminal_shows_a_progress_bar(deployment: Deployment, tmp_path: Path) -> None:
    with terminal() as (outer, inner):
        env = {**deployment.env, "TERM": "xterm", "COLUMNS": "100"}
        args = [ROLLCALL, "send", people(tmp_path, 3), *SMS]
        assert subprocess.run(args, env=env, stdout=inner, stderr=inner, check=False, timeout=120).returncode == 0
        shown = os.read(outer, 100_000).decode()
    assert "━" in shown
    assert "all accounted for: yes" in shown


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    outer, inner = pty.openpty()
    try:
        yield outer, inner
    finally:
        os.close(outer)
        os.close(inner)
