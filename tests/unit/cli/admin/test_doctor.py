"""`rollcall doctor` without a running stack: all problems are reported at once, each with a fix."""

import json
from pathlib import Path

import pytest
from typer.testing import Result

from cli.admin.create_topics import ExistingTopic
from cli.admin.doctor import check_topic, tenant_key_findings
from cli.admin.init import environment_text
from cli.settings import SendSettings
from ledger.tenant_resealing import KeyCounts
from tests.support.cli_runner import run_rollcall

AWAY = {
    "ROLLCALL_KAFKA_BOOTSTRAP": "127.0.0.1:1",
    "ROLLCALL_MONGO_URL": "mongodb://someone:hidden@127.0.0.1:1/?serverSelectionTimeoutMS=200",
}


def problems_of(result: Result) -> dict[str, str]:
    """Return the problems with their fixes."""
    lines = result.stdout.splitlines()
    return {
        line.removeprefix("error "): lines[at + 1].strip() for at, line in enumerate(lines) if line.startswith("error ")
    }


def fresh() -> dict[str, str]:
    """Return the settings that `rollcall init` writes."""
    lines = (line for line in environment_text("CN").splitlines() if line and not line.startswith("#"))
    return {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}


def test_an_empty_environment_has_all_problems_and_init_fixes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run_rollcall("doctor")
    found = problems_of(result)
    assert result.exit_code == 1
    for name in ("KAFKA_BOOTSTRAP", "MONGO_URL", "SEALING_KEYS", "JWT_SECRET", "PROVIDERS"):
        assert sum(f"ROLLCALL_{name}: " in problem for problem in found) == 1, name
    fixes = [fix.removeprefix("fix: ") for fix in found.values()]
    assert sum("rollcall init && set -a; . ./.env; set +a" in fix for fix in fixes) == 3
    assert "export ROLLCALL_KAFKA_BOOTSTRAP=127.0.0.1:9092" in fixes


def test_an_existing_env_file_only_has_to_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").touch()
    assert "fix: set -a; . ./.env; set +a" in problems_of(run_rollcall("doctor")).values()


def test_each_wrong_variable_is_named_with_the_services_that_read_it() -> None:
    found = problems_of(run_rollcall("doctor", **fresh(), ROLLCALL_CHUNK_SIZE="0", ROLLCALL_LEASE_SECONDS="x"))
    output = "\n".join(found)
    assert "ROLLCALL_CHUNK_SIZE: " in output
    assert "(producer, consumer)" in next(line for line in found if "CHUNK_SIZE" in line)
    assert "(consumer)" in next(line for line in found if "LEASE_SECONDS" in line)


def test_the_entries_of_receipts_are_checked_and_compared_with_the_providers() -> None:
    entries = [
        {"kind": "simulator", "provider": name, "signing_key": "a key of the gateway with 32 characters"}
        for name in ("sim-sms", "sim-smss")
    ]
    result = run_rollcall("doctor", **fresh(), **AWAY, ROLLCALL_RECEIPTS=json.dumps(entries))
    wrong = run_rollcall("doctor", **fresh(), **AWAY, ROLLCALL_RECEIPTS="[{}]", ROLLCALL_PUBLIC_URL="x")

    assert "ok    receipts    sim-sms: receipts are taken in the format simulator" in result.stdout
    assert (
        problems_of(result)["receipts    sim-smss: no provider has this name"] == "fix: correct `provider` of the entry"
    )
    assert "ROLLCALL_RECEIPTS: entry 1: kind must be one of " in result_lines(wrong)
    assert "ROLLCALL_PUBLIC_URL: must be a URL of http or https" in result_lines(wrong)
    assert result_lines(wrong).count("ROLLCALL_RECEIPTS: ") == 1


def result_lines(result: Result) -> str:
    return "\n".join(line for line in problems_of(result) if "(producer" in line)


@pytest.mark.parametrize(
    ("configs", "expected"),
    [
        ({"retention.ms": "1000"}, "retention.ms=604800000"),
        ({"max.message.bytes": "1000"}, "max.message.bytes=1048588"),
        ({"cleanup.policy": "compact"}, "cleanup.policy=delete"),
    ],
)
def test_a_topic_that_differs_comes_with_kafkas_own_command(configs: dict[str, str], expected: str) -> None:
    settings = SendSettings(kafka_bootstrap="kafka:9092")
    spec = settings.topics.specs()[0]
    (problem,) = check_topic(spec, ExistingTopic(12, 3, configs), settings)
    assert problem.fix == (
        "kafka-configs.sh --bootstrap-server kafka:9092 --alter --entity-type topics "
        f"--entity-name communication.bulk.requests --add-config {expected}"
    )


@pytest.mark.timeout(90)
def test_an_unreachable_system_does_not_hide_other_findings() -> None:
    result = run_rollcall("doctor", **fresh(), **AWAY)
    found = problems_of(result)
    assert result.exit_code == 1
    assert any("Kafka does not answer at 127.0.0.1:1" in problem for problem in found)
    assert any("MongoDB did not answer" in problem for problem in found)
    assert "ok    providers   sim-sms (sms): ok" in result.stdout
    assert 'ok    sealing     encryption key "k1" works' in result.stdout
    assert "hidden" not in result.output


def test_a_key_that_tenants_need_is_a_problem_if_it_does_not_open_them() -> None:
    needed = {"old": 1_200, "new": 1}
    absent, changed = tenant_key_findings(KeyCounts(needed, {"old": 1_200, "new": 1}), ("new",))[::-1]
    (complete,) = tenant_key_findings(KeyCounts(needed, {}), ("new", "old"))

    assert absent.message == 'providers or keys of 1,200 tenants need the key "old", which is not configured'
    assert absent.fix.startswith("give old its bytes of that time in ROLLCALL_SEALING_KEYS")
    assert changed.message == 'providers or keys of 1 tenant need the key "new", which has other bytes'
    assert (complete.message, complete.fix) == (
        'providers and keys of tenants need "new" (1 tenant), "old" (1,200 tenants)',
        "",
    )
    assert tenant_key_findings(KeyCounts({}, {}), ("new",)) == []
