"""Commands that show results, on the real stack and with a real consumer."""

import asyncio
import csv
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from cli.send.marketing_policy import OPT_OUT_NOTE
from devstack import Stack
from ledger.marketing_policy import LACKS_POSTAL_ADDRESS
from tests.e2e.caller import publish
from tests.support.cli_runner import lines_with_single_spaces, link_rollcall
from tests.support.deployment import Deployment, a_deployment
from tests.support.polling import wait_until_sync
from tests.support.repository import ROOT

pytestmark = pytest.mark.durable

TENANT = ["--tenant", "tnt_look"]
SMS = ["--channel", "sms", *TENANT]
PEOPLE = "to,name,reference\n13800000001,Li,order-1\n13800000002,Wu,=2+2\nnobody,Xi,order-3\n"


@pytest.fixture(scope="module")
def deployment(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with a_deployment(stack, tmp_path_factory.mktemp("look")) as deployment, deployment.service("consumer"):
        yield deployment


@pytest.fixture(scope="module")
def sent(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Send a request `looked` with a template and one invalid address. Return its file."""
    text = tmp_path_factory.mktemp("sent") / "text.txt"
    text.write_text("Hello {{name}}")
    assert deployment.rollcall("template", "put", "greeting", *TENANT, "--content-file", str(text)).exit_code == 0
    file = text.with_name("people.csv")
    file.write_text(PEOPLE)
    done = deployment.rollcall("send", str(file), *SMS, "--template", "greeting", "--request-id", "looked")
    assert (done.exit_code, lines_with_single_spaces(done.stdout)[-1]) == (1, "all accounted for: yes")
    return file


def test_a_repeat_keeps_the_template_that_it_was_accepted_with(deployment: Deployment, sent: Path) -> None:
    text = sent.with_name("text.txt")
    text.write_text("Goodbye {{name}}")
    assert deployment.rollcall("template", "put", "greeting", *TENANT, "--content-file", str(text)).exit_code == 0
    again = deployment.rollcall("send", str(sent), *SMS, "--template", "greeting", "--request-id", "looked")
    assert (again.exit_code, lines_with_single_spaces(again.stdout)[-1]) == (1, "all accounted for: yes")


def test_an_unknown_template_is_reported_before_publication(deployment: Deployment, sent: Path) -> None:
    done = deployment.rollcall("send", str(sent), *SMS, "--template", "nothing")
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.startswith("Template nothing of tenant tnt_look was not found.")


def test_a_dry_run_reads_the_template_and_finds_failures(deployment: Deployment, sent: Path) -> None:
    done = deployment.rollcall(
        "send", str(sent), *SMS, "--template", "greeting", "--dry-run", ROLLCALL_KAFKA_BOOTSTRAP=""
    )
    assert (done.exit_code, done.stderr) == (1, "1 of 3 recipients would fail.\n")


def test_a_dry_run_knows_the_rules_of_the_tenant_for_marketing(deployment: Deployment, tmp_path: Path) -> None:
    tenant = ["--tenant", "tnt_strict"]
    rules = ["marketing.require_opt_out=true", "marketing.postal_address=Example Ltd, Oslo"]
    assert deployment.rollcall("tenant", "set", "tnt_strict", *rules).exit_code == 0
    file = tmp_path / "people.csv"
    file.write_text("to\nanna@example.com\n")
    mail = ["--channel", "email", "--subject", "Hi", "--category", "marketing", *tenant, "--dry-run"]

    refused = deployment.rollcall("send", str(file), *mail, "--content", "Hello")
    assert refused.exit_code == 1
    assert refused.stderr == f"--content: {LACKS_POSTAL_ADDRESS}.\n"
    assert OPT_OUT_NOTE in refused.stdout
    text = "Hello. {{unsubscribe_url}} Example Ltd,\nOslo"
    done = deployment.rollcall("send", str(file), *mail, "--content", text)
    assert (done.exit_code, done.stderr) == (0, "")


def test_a_report_can_be_json_and_csv(deployment: Deployment, sent: Path, tmp_path: Path) -> None:
    assert sent.exists()
    missed = tmp_path / "missed.csv"
    reported = deployment.rollcall("report", "looked", *TENANT, "--json", "--csv", str(missed))
    assert reported.exit_code == 0
    document = json.loads(reported.stdout)
    assert (document["total"], document["by_status"]) == (3, {"sent": 2, "failed": 1})
    (row,) = csv.DictReader(missed.read_text().splitlines())
    assert row["log_id"] == document["not_reached"][0]["log_id"]
    assert (row["reference"], row["reason"]) == ("order-3", "invalid_recipient")


def test_logs_are_found_by_address_and_show_what_was_sent(deployment: Deployment, sent: Path) -> None:
    assert sent.exists()
    found = deployment.rollcall("logs", *TENANT, "--recipient", "-", "--content", "--json", stdin="+86 138 0000 0002\n")
    (one,) = map(json.loads, found.stdout.splitlines())
    assert (one["reference"], one["status"], one["content"]) == ("=2+2", "sent", "Hello Wu")
    assert "13800000002" not in found.output
    table = deployment.rollcall("logs", *TENANT, "--request", "looked", "--status", "failed")
    assert "order-3 failed invalid_recipient" in lines_with_single_spaces(table.stdout)[1]


def test_a_request_is_watched_to_its_end(deployment: Deployment, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("to\n13800000001\n")
    args = [*SMS, "--content", "Hi", "--no-wait", "--request-id", "watched"]
    assert deployment.rollcall("send", str(file), *args).exit_code == 0
    watched = deployment.rollcall("watch", "watched", *TENANT, "--timeout", "60")
    assert (watched.exit_code, lines_with_single_spaces(watched.stdout)[-1]) == (0, "all accounted for: yes")


def test_a_rejected_record_is_listed_and_only_revealed_on_demand(deployment: Deployment) -> None:
    assert deployment.rollcall("dead-letters", "list").stdout == "there are no dead letters\n"
    bad = b'{"tenant_id": "t", "recipients": "13899990000"'
    (origin,) = asyncio.run(
        publish(deployment.bootstrap, deployment.topics.requests, bad, key="k", headers=[("reply_to", b"x")])
    )
    found = wait_until_sync(
        lambda: deployment.rollcall("dead-letters", "list", "--json", "--reason", "not_json").stdout
    )
    (listed,) = map(json.loads, found.splitlines())
    assert origin in deployment.rollcall("dead-letters", "list").stdout
    assert (listed["origin"], listed["reason"]) == (origin, "not_json")
    assert (listed["tenant_id"], listed["request_id"], listed["fields"], listed["replayed"]) == (None, None, [], False)
    assert deployment.rollcall("dead-letters", "list", "--reason", "too_large").stdout == "no dead letter matches\n"

    shown = deployment.rollcall("dead-letters", "show", origin)
    assert shown.exit_code == 0
    assert "13899990000" not in shown.output
    assert shown.stdout == deployment.rollcall("dead-letters", "show", listed["letter"]).stdout
    revealed = deployment.rollcall("dead-letters", "show", listed["letter"], "--reveal").stdout
    assert revealed.startswith(shown.stdout)
    assert bad.decode() in revealed
    assert "header      reply_to: x" in revealed

    unknown = deployment.rollcall("dead-letters", "show", f"{deployment.topics.requests}/0/999999")
    assert (unknown.exit_code, unknown.stdout) == (3, "")


def test_a_dead_letter_of_an_aborted_transaction_is_not_listed_and_hides_no_other(deployment: Deployment) -> None:
    newest = ("dead-letters", "list", "--json", "--limit", "1")
    before = deployment.rollcall(*newest).stdout
    partition = int(json.loads(before)["letter"].split("/")[0])

    async def abort() -> None:
        headers = [("origin", b"a/0/1"), ("reason", b"not_json")]
        async with AIOKafkaProducer(bootstrap_servers=deployment.bootstrap, transactional_id="mirror") as producer:
            for _ in range(3):
                await producer.begin_transaction()
                topic = deployment.topics.dead_letters
                await producer.send_and_wait(topic, b"x", partition=partition, headers=headers)
                await producer.abort_transaction()

    asyncio.run(abort())
    assert deployment.rollcall(*newest).stdout == before


def test_a_replayed_record_is_sent_once_after_its_template_is_stored(deployment: Deployment) -> None:
    record = {
        "tenant_id": "tnt_look",
        "channel": "sms",
        "content": "",
        "template": "later",
        "recipients": ["13877770001"],
    }
    (origin,) = asyncio.run(publish(deployment.bootstrap, deployment.topics.requests_express, record, key="k2"))
    by_reason = ("dead-letters", "replay", "--reason", "unknown_template")
    wait_until_sync(lambda: origin in deployment.rollcall(*by_reason, "--dry-run").stdout)
    assert deployment.rollcall(*by_reason, "--dry-run").stdout.endswith("1 would be published again\n")
    assert deployment.rollcall("template", "put", "later", *TENANT, "--content", "Here at last").exit_code == 0

    def listed() -> tuple[Any, ...]:
        lines = deployment.rollcall("dead-letters", "list", "--json", "--limit", "1").stdout.splitlines()
        (letter,) = map(json.loads, lines)
        assert letter["origin"] == origin
        return letter["tenant_id"], letter["fields"], letter["replayed"], letter["replayed_as"]

    for args in (by_reason, ("dead-letters", "replay", origin)):
        assert listed()[:2] == ("tnt_look", ["template"])
        assert listed()[2] is (args != by_reason)
        done = deployment.rollcall(*args)
        assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "1 published again")
        assert done.stdout.splitlines()[0].endswith(f" as {listed()[3]}")
    found = ["logs", *TENANT, "--recipient", "13877770001", "--content", "--json"]

    def sent_logs() -> list[dict[str, Any]]:
        logs = [*map(json.loads, deployment.rollcall(*found).stdout.splitlines())]
        return logs if logs and logs[0]["status"] == "sent" else []

    logs = wait_until_sync(sent_logs)
    assert [(log["content"], log["attempts"]) for log in logs] == [("Here at last", 1)]


def test_doctor_finds_no_problem_and_then_missing_topics_and_indexes(deployment: Deployment) -> None:
    healthy = deployment.rollcall("doctor")
    assert (healthy.exit_code, "error" in healthy.stdout) == (0, False)
    bare = deployment.rollcall("doctor", ROLLCALL_TOPIC_PREFIX="house-bare", ROLLCALL_MONGO_DATABASE="house-bare")
    assert bare.exit_code == 1
    assert "error topics      house-bare.results is missing" in bare.stdout
    assert "error indexes     MongoDB lacks the indexes" in bare.stdout
    assert all(line.endswith(" setup") for line in bare.stdout.splitlines() if "fix: " in line)


def test_the_example_of_the_command_line_page_runs_as_it_is_written(deployment: Deployment, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "command-line.md").read_text("utf-8")
    script, end = (
        re.findall(rf"<!-- tests/e2e/cli/test_inspection_commands\.py {says} -->\n```\w+\n(.*?)```", page, re.DOTALL)[0]
        for says in ("runs this", "expects this at the end")
    )
    link_rollcall(tmp_path)
    done = subprocess.run(
        ["bash", "-eu", "-c", script], cwd=tmp_path, env=deployment.env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "1 of 2 recipients would fail.\n")
    assert done.stdout.endswith(end)
    assert "order-18 would fail" in done.stdout
