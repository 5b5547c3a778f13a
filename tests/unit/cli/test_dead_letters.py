"""Errors of the commands about dead letters, and the two ways to name a letter."""

import pytest
from typer.testing import CliRunner, Result

from cli.dead_letters.show import open_dead_letter
from cli.errors import CommandError
from cli.main import app
from consumer.kafka.record import KafkaRecord
from ledger.dead_letter_format import SEALED_NAME, seal_record
from ledger.sealing import Sealer

SEALER = Sealer([("k1", bytes(32))])
ENV = {"ROLLCALL_KAFKA_BOOTSTRAP": "127.0.0.1:1"}


def a_record(value: bytes) -> KafkaRecord:
    return KafkaRecord("communication.bulk.requests", 3, 7, 0, b"k", value, ())


def test_the_record_of_the_consumer_is_opened() -> None:
    assert open_dead_letter(SEALER, seal_record(SEALER, a_record(b"{broken"))).value == b"{broken"


def test_a_letter_sealed_with_a_key_that_is_not_given_says_which() -> None:
    sealed = seal_record(Sealer([("k0", bytes(32))]), a_record(b"x"))
    with pytest.raises(CommandError, match=r"ROLLCALL_SEALING_KEYS: no sealing key 'k0'.*Add the key"):
        open_dead_letter(SEALER, sealed)


@pytest.mark.parametrize(
    "sealed",
    [b"", b"\x02k1 nonsense", SEALER.seal(b"nonsense", SEALED_NAME)],
    ids=["nothing", "not sealed", "sealed nonsense"],
)
def test_what_no_consumer_wrote_ends_in_one_line(sealed: bytes) -> None:
    with pytest.raises(CommandError):
        open_dead_letter(SEALER, sealed)


def rollcall(*args: str, **env: str) -> Result:
    return CliRunner().invoke(app, args, env={"ROLLCALL_SEALING_KEYS": "", **ENV, **env})


@pytest.mark.parametrize("place", ["7", "a/b/c", "topic/1", "1/2/3/4", "1/-2"])
def test_a_place_is_written_in_one_of_two_ways(place: str) -> None:
    result = rollcall("dead-letters", "show", "--", place)
    assert (result.exit_code, result.stderr.partition(":")[0]) == (2, "PLACE")


def test_revealing_needs_the_keys_before_anything_is_read() -> None:
    result = rollcall("dead-letters", "show", "0/1", "--reveal")
    assert (result.exit_code, result.stderr) == (2, "ROLLCALL_SEALING_KEYS: is not set\n")


def test_an_unknown_reason_is_a_usage_error() -> None:
    assert rollcall("dead-letters", "list", "--reason", "boredom").exit_code == 2
