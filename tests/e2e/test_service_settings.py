"""A service that cannot work says in one line what it lacks, and ends."""

import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

from devstack import Stack
from devstack.services import command, run, service_env

NOWHERE = Stack("127.0.0.1:1", "mongodb://127.0.0.1:1/", "none", durable=False, note="")
SLOW = {"name": "slow", "kind": "simulator", "channel": "sms", "timeout_seconds": 20}


def serve(service: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(["rollcall", service]), env=env, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (
            {
                "KAFKA_BOOTSTRAP": None,
                "MONGO_URL": None,
                "SEALING_KEYS": "k1:c2hvcnQ=",
                "WINDOW_SIZE": 0,
                "PROVIDERS": '[{}, {"kind": "simulator", "name": "a", "channel": "fax"}]',
                "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
                "KAFKA_SASL_MECHANISM": "PLAIN",
                "KAFKA_SASL_USERNAME": "u",
            },
            [
                "KAFKA_BOOTSTRAP",
                "MONGO_URL",
                "SEALING_KEYS",
                "WINDOW_SIZE",
                "PROVIDERS: provider 1",
                "PROVIDERS: provider 2",
                "KAFKA_SASL_PASSWORD",
            ],
        ),
        ({"PROVIDERS": None}, ["PROVIDERS and ROLLCALL_PROVIDERS_FILE"]),
        ({"PROVIDERS": [SLOW], "LEASE_SECONDS": 30}, ["LEASE_SECONDS"]),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "PLAIN"}, ["USERNAME", "PASSWORD"]),
        ({"MONGO_URL": "mongodb://u:swordfish@"}, ["MONGO_URL"]),
    ],
    ids=["wrong", "none of two", "contradict", "half", "no address"],
)
def test_settings_that_are_missing_or_contradict_are_named_a_line_each(
    settings: dict[str, object], named: list[str]
) -> None:
    done = serve("consumer", service_env(NOWHERE, **settings))
    lines = done.stderr.splitlines()
    assert done.returncode == 2
    assert len(lines) == len(named)
    for name in named:
        assert any(name in line for line in lines), lines
    assert "swordfish" not in done.stderr


@pytest.mark.parametrize("service", ["consumer", "producer"])
@pytest.mark.parametrize("lacks", ["topics", "indexes"])
def test_a_service_without_topics_or_indexes_says_what_to_run(
    stack: Stack, tmp_path: Path, lacks: str, service: str
) -> None:
    fresh = f"fresh-{uuid4().hex[:8]}"
    ready = service_env(stack, TOPIC_PREFIX=fresh, MONGO_DATABASE=fresh)
    run(["rollcall", "setup", "--partitions", "1"], ready, log=tmp_path / "setup.log")
    other = {"topics": "ROLLCALL_TOPIC_PREFIX", "indexes": "ROLLCALL_MONGO_DATABASE"}[lacks]
    done = serve(service, {**ready, other: f"{fresh}-no"})
    (line,) = done.stderr.splitlines()
    assert done.returncode == 3
    assert line.startswith(f"rollcall {service}: ")
    assert lacks in line
    assert line.endswith("Run `rollcall setup`.")
