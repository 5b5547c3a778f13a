"""Format of a dead letter: a written record is read back unchanged."""

import json
from dataclasses import dataclass

import pytest

from ledger.dead_letter_format import (
    SEALED_NAME,
    DeadLetterError,
    OpenedRecord,
    RecordHeaders,
    RejectedRequest,
    dead_letter_headers,
    open_record,
    read_dead_letter_headers,
    read_rejected_request,
    read_replay_header,
    read_replay_note,
    replay_headers,
    replay_note_headers,
    seal_record,
)
from ledger.errors import SealingError
from ledger.sealing import Sealer

SEALER = Sealer([("k1", bytes(32))])
MIB = 1024 * 1024
PLACE = "communication.bulk.requests/3/7/1700000000000"


@dataclass(frozen=True)
class Record:
    value: bytes | None
    headers: RecordHeaders = ()
    origin: str = "communication.bulk.requests/3/7"
    timestamp_ms: int = 1_700_000_000_000
    unparsed: str | None = None


@pytest.mark.parametrize("value", [b"{broken", b"", None])
def test_a_letter_gives_back_the_record_that_was_sealed_in_it(value: bytes | None) -> None:
    headers = [("reply_to", b"\xff"), ("empty", None)]
    opened = open_record(SEALER, seal_record(SEALER, Record(value, headers)))
    assert (opened.headers, opened.value, opened.place) == (headers, value, PLACE)
    assert not opened.cut
    assert opened.headers_kept


def test_the_sealed_bytes_have_their_layout() -> None:
    plain = SEALER.open(seal_record(SEALER, Record(b"value", [("a", b"b")])), SEALED_NAME)
    length = int.from_bytes(plain[:4], "big")
    assert json.loads(plain[4 : 4 + length]) == {
        "headers": [["a", "Yg=="]],
        "null": False,
        "bytes": 5,
        "origin": "communication.bulk.requests/3/7",
        "timestamp_ms": 1_700_000_000_000,
    }
    assert plain[4 + length :] == b"value"


def test_the_end_of_a_long_value_is_cut() -> None:
    opened = open_record(SEALER, seal_record(SEALER, Record(b"x" * 3_000_000)))
    assert opened.cut
    assert opened.length == 3_000_000
    assert "xxx" not in repr(opened)


def test_very_long_headers_are_left_out() -> None:
    opened = open_record(SEALER, seal_record(SEALER, Record(b"x" * MIB, [("long", b"y" * MIB)])))
    assert (opened.headers, opened.headers_kept, opened.cut) == ([], False, False)


def test_the_letter_of_an_older_consumer_has_no_place() -> None:
    about = json.dumps({"headers": [], "null": False, "bytes": 5}).encode()
    opened = open_record(SEALER, SEALER.seal(len(about).to_bytes(4, "big") + about + b"value", SEALED_NAME))
    assert (opened.value, opened.place) == (b"value", None)


def test_a_letter_needs_its_key() -> None:
    with pytest.raises(SealingError, match="no sealing key 'k1'"):
        open_record(Sealer([("k2", bytes(32))]), seal_record(SEALER, Record(b"x")))


@pytest.mark.parametrize("plain", [b"", b"nonsense", b"\x00\x00\x00\x02{}", b"\x00\x00\x00\x02[]"])
def test_bytes_of_another_program_hold_no_record(plain: bytes) -> None:
    with pytest.raises(DeadLetterError):
        open_record(SEALER, SEALER.seal(plain, SEALED_NAME))


def test_the_headers_of_a_letter_are_read_again() -> None:
    headers = dead_letter_headers("topic/1/2", "not_json")
    assert headers == [("origin", b"topic/1/2"), ("reason", b"not_json")]
    assert read_dead_letter_headers(headers) == ("topic/1/2", "not_json")


def test_the_request_of_a_letter_is_read_again() -> None:
    request = RejectedRequest("tnt_a", "order \u2116 7", ("channel", "recipients[0].to"))
    headers = dead_letter_headers("topic/1/2", "invalid_schema", request)
    assert read_rejected_request(headers) == request
    assert read_rejected_request(dead_letter_headers("topic/1/2", "not_json")) == RejectedRequest()


def test_a_note_names_the_letter_and_the_new_record_and_is_no_letter() -> None:
    note = replay_note_headers("3/7", "communication.bulk.requests/3/9")
    assert read_replay_note(note) == ("3/7", "communication.bulk.requests/3/9")
    assert read_replay_note(dead_letter_headers("topic/1/2", "not_json")) is None


def test_headers_of_another_program_do_no_harm() -> None:
    assert read_dead_letter_headers([]) == ("", "")
    assert read_dead_letter_headers([("origin", None), ("reason", b"\xff"), ("other", b"\xff")]) == ("", "\ufffd")


def test_a_replay_names_the_position_of_the_first_publication() -> None:
    first = replay_headers(OpenedRecord([("a", b"b")], b"value", 5, PLACE))
    assert first == [("a", b"b"), ("rollcall_replay_of", PLACE.encode())]
    assert replay_headers(OpenedRecord(first, b"value", 5, "communication.bulk.requests/0/9/1800000000000")) == first
    assert replay_headers(OpenedRecord([("a", b"b")], b"value", 5)) == [("a", b"b")]
    assert read_replay_header(PLACE.encode()) == ("communication.bulk.requests", 3, 7, 1_700_000_000_000)


@pytest.mark.parametrize("value", [b"", b"nonsense", b"a/b/c/d", b"t/1/2", b"t/1/2/3\xff", b"t/1/2/3/4", b"t/1/-2/3"])
def test_a_replay_header_that_is_not_a_position_is_ignored(value: bytes) -> None:
    assert read_replay_header(value) is None
