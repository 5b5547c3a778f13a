"""Errors of `send` before it publishes, and when Kafka stops answering afterwards."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.send.over_kafka import kafka_errors_while_following
from cli.tracking.result_tally import ResultTally
from tests.support.cli_runner import run_rollcall

PASSED = "--expires-at: must be in the future."


@pytest.mark.parametrize(
    ("expires_at", "more", "refused"),
    [
        ("2020-01-01T00:00:00Z", [], True),
        ("2020-01-01T00:00:00Z", ["--request-id", "r1"], False),  # a repeat that follows what was published in time
        ("in an hour", [], False),
    ],
)
def test_an_expired_request_is_not_published(
    tmp_path: Path, expires_at: str, more: list[str], *, refused: bool
) -> None:
    if expires_at == "in an hour":  # worked out here: two workers that collect tests must see the same names
        expires_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    file = tmp_path / "people.csv"
    file.write_text("to\n13800138000\n")
    args = ["send", str(file), "--channel", "sms", "--content", "hi", "--tenant", "t", "--dry-run"]
    done = run_rollcall(*args, "--expires-at", expires_at, *more)
    assert (PASSED in done.output) is refused
    assert (done.exit_code == 2) is refused, "what it lacks here are settings"


@pytest.mark.parametrize(
    ("repeat", "rest"),
    [("", ""), ("repeat the same command", " If it was not published completely, repeat the same command.")],
)
def test_a_kafka_error_while_following_tells_that_the_request_continues_and_how_to_follow_it(
    repeat: str, rest: str
) -> None:
    with pytest.raises(CommandError) as caught, kafka_errors_while_following(ResultTally("r1", "t1", 2), repeat):
        raise TimeoutError
    assert str(caught.value).endswith(
        "The request continues without this command. Follow it with `rollcall watch r1 --tenant t1`." + rest
    )
