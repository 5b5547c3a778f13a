"""Errors of the commands for dead letters, and the two forms of a position."""

import pytest

from cli.dead_letters.show import open_dead_letter
from cli.errors import CommandError
from consumer.kafka.record import KafkaRecord
from ledger.dead_letter_format import SEALED_NAME, seal_record
from ledger.sealing import Sealer
from tests.support.cli_runner import run_rollcall

SEALER = Sealer([("k1", bytes(32))])
ENV = {"ROLLCALL_KAFKA_BOOTSTRAP": "127.0.0.1:1"}


def a_record(value: bytes) -> KafkaRecord:
    return KafkaRecord("communication.bulk.requests", 3, 7, 0, b"k", value, ())


def test_a_record_sealed_by_the_consumer_is_opened() -> None:
    assert open_dead_letter(SEALER, seal_record(SEALER, a_record(b"{broken"))).value == b"{broken"


def test_the_error_for_a_missing_key_names_the_key() -> None:
    sealed = seal_record(Sealer([("k0", bytes(32))]), a_record(b"x"))
    with pytest.raises(CommandError, match=r"ROLLCALL_SEALING_KEYS: no sealing key 'k0'.*Add the key"):
        open_dead_letter(SEALER, sealed)


@pytest.mark.parametrize(
    "sealed",
    [b"", b"\x02k1 nonsense", SEALER.seal(b"nonsense", SEALED_NAME)],
    ids=["nothing", "not sealed", "sealed nonsense"],
)
def test_a_record_that_no_consumer_wrote_is_an_error(sealed: bytes) -> None:
    with pytest.raises(CommandError):
        open_dead_letter(SEALER, sealed)


@pytest.mark.parametrize("place", ["7", "a/b/c", "topic/1", "1/2/3/4", "1/-2"])
def test_a_place_must_have_one_of_two_forms(place: str) -> None:
    result = run_rollcall("dead-letters", "show", "--", place, **ENV)
    assert (result.exit_code, result.stderr.partition(":")[0]) == (2, "PLACE")


def test_revealing_needs_the_keys_before_anything_is_read() -> None:
    result = run_rollcall("dead-letters", "show", "0/1", "--reveal", **ENV)
    assert (result.exit_code, result.stderr) == (2, "ROLLCALL_SEALING_KEYS: is not set\n")


def test_an_unknown_reason_is_a_usage_error() -> None:
    assert run_rollcall("dead-letters", "list", "--reason", "boredom", **ENV).exit_code == 2
