"""Headers of an intake record have bounds, however long Kafka lets them be."""

from dataclasses import replace

import orjson
import pytest

from consumer.events import RejectedRecord
from consumer.expand.decode import (
    decode,
    origin_of_first_publication,
    read_correlation,
    read_reply_topic,
    unprocessable_rejection,
)
from consumer.kafka.record import KafkaRecord
from ledger.dead_letter_format import REPLAY_HEADER
from schemas.requests import BulkRequest

BODY = b'{"channel":"sms","content":"x","tenant_id":"t","recipients":["1"]}'


def a_record(name: str, value: bytes, count: int = 1) -> KafkaRecord:
    return KafkaRecord("requests", 3, 7, 1_764_000_000_000, None, BODY, ((name, value),) * count)


RECORD = a_record("a", b"")


def reply_topic(value: bytes) -> object:
    record = a_record("reply_to", value, 1_000)
    request = decode(record)
    assert isinstance(request, BulkRequest)
    return read_reply_topic(record, request)


def test_a_reply_topic_in_a_header_has_at_most_the_length_of_a_topic() -> None:
    assert reply_topic(b"x" * 249) == "x" * 249
    assert "reply_topic_refused" in str(reply_topic(b"x" * 250))
    assert "reply_topic_refused" in str(reply_topic(b"x" * 1_000_000))


@pytest.mark.parametrize("value", [b"x" * 201, b"x" * 1_000_000, b""])
def test_a_correlation_id_beyond_its_bound_is_left_out(value: bytes) -> None:
    assert read_correlation(a_record("correlation_id", value, 1_000)) is None


@pytest.mark.parametrize("value", [b"9" * 1_000_000, b"a/1/2/" + b"3" * 400, b"/" * 300, b"\xff" * 300])
def test_a_position_that_is_too_long_or_no_position_is_ignored(value: bytes) -> None:
    assert origin_of_first_publication(a_record(REPLAY_HEADER, value)) == ("requests", 3, 7, 1_764_000_000_000)


@pytest.mark.parametrize("part", [8_613_900_139_000, -8_613_900_139_000, 65_536, 2**64 - 1, True, 1.5, "8613900139000"])
def test_a_number_that_is_no_part_is_not_repeated(part: object) -> None:
    body = orjson.dumps({**orjson.loads(BODY), "part": part})
    rejected = [decode(replace(RECORD, value=body)), unprocessable_rejection(replace(RECORD, value=body))]
    assert [one.part for one in rejected if isinstance(one, RejectedRecord)] == [None, None]


def test_a_part_beyond_the_last_possible_one_is_refused() -> None:
    last, beyond = (
        decode(replace(RECORD, value=orjson.dumps({**orjson.loads(BODY), "part": n}))) for n in (2_047, 2_048)
    )
    assert isinstance(last, BulkRequest)
    assert isinstance(beyond, RejectedRecord)
    assert (beyond.fields, beyond.is_garbage) == (("part",), False)
