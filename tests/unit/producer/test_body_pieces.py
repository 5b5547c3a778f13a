"""A body gets the same result piece by piece as in one piece, whatever it contains."""

import asyncio
import json
import random
import tracemalloc
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.request_parts import MAX_SHARED_FIELDS_BYTES
from producer.auth.token_verifier import ADMIN, Principal
from producer.bulk.body_pieces import split_body
from producer.bulk.prepare_request import PreparedRequest, RequestPreparer
from producer.errors import ApiError
from schemas.bulk_body import BulkSendRequest
from schemas.topic_definitions import MAX_INTAKE_BYTES
from tests.support.service import GOOD, a_context, some_settings

CONTEXT = a_context(Principal("tnt_a", "usr_a", frozenset({ADMIN})))
SETTINGS = some_settings(max_recipients=1_000)
WHOLE = 1_000_000
MANY = [{"to": f"+86138{number:08}", "variables": {"a": "b"}} for number in range(600)]


def prepare(raw: bytes, piece_bytes: int) -> PreparedRequest | ApiError:
    """Return the result for a body that is split into pieces of about `piece_bytes`."""
    preparer = RequestPreparer(SETTINGS, piece_bytes)
    try:
        return asyncio.run(preparer.prepare(bytearray(raw), CONTEXT, slice(20, 40)))
    except ApiError as error:
        return error


def refusal(raw: Any, piece_bytes: int = 64) -> str:
    result = prepare(raw if isinstance(raw, bytes) else orjson.dumps(raw), piece_bytes)
    assert isinstance(result, ApiError)
    assert result.status == 400
    return result.message


def assert_same(raw: bytes, piece_bytes: int) -> None:
    whole, pieces = prepare(raw, WHOLE), prepare(raw, piece_bytes)
    assert isinstance(whole, PreparedRequest) == isinstance(pieces, PreparedRequest), (whole, pieces)
    if isinstance(whole, PreparedRequest) and isinstance(pieces, PreparedRequest):
        assert pieces.parts == whole.parts
        assert (pieces.page_recipients, pieces.total, pieces.lane) == (whole.page_recipients, whole.total, whole.lane)


text = st.text(max_size=12)
addresses = st.text(min_size=1, max_size=12)
recipients = st.one_of(
    addresses,
    st.fixed_dictionaries({"to": addresses}, optional={"variables": st.dictionaries(text, text), "reference": text}),
)
json_values = st.recursive(
    st.none() | st.integers() | text, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=6
)
bodies = st.fixed_dictionaries(
    {"channel": st.just("sms"), "content": text, "recipients": st.lists(recipients, max_size=9)},
    optional={"variables": st.dictionaries(text, text), "reference": text, "user_id": json_values, "subject": text},
)


@settings(deadline=None, max_examples=60)
@given(bodies, st.booleans(), st.sampled_from([None, 1]), st.integers(1, 200), st.randoms())
def test_a_body_gets_the_same_result_in_pieces(
    body: dict[str, Any], as_ascii: Any, indent: int | None, piece_bytes: int, chance: random.Random
) -> None:
    members = list(body.items())
    chance.shuffle(members)
    assert_same(json.dumps(dict(members), ensure_ascii=as_ascii, indent=indent).encode(errors="replace"), piece_bytes)


@settings(deadline=None, max_examples=60)
@given(bodies, json_values, st.integers(1, 200), st.randoms())
def test_a_body_with_an_unusual_recipient_gets_the_same_result_in_pieces(
    body: dict[str, Any], strange: Any, piece_bytes: int, chance: random.Random
) -> None:
    body["recipients"].insert(chance.randint(0, len(body["recipients"])), strange)
    assert_same(json.dumps(body).encode(), piece_bytes)


GOOD_BYTES = json.dumps({**GOOD, "recipients": ["1", {"to": "2", "variables": {"a": '"]}\\'}}, "3"] * 3}).encode()


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, len(GOOD_BYTES)),
    st.integers(0, 3),
    st.sampled_from([b"", *(bytes([one]) for one in b'{}[],:"\\ 0n\xff\x00')]),
    st.integers(1, 200),
)
def test_a_damaged_body_gets_the_same_result_in_pieces(at: int, gone: int, new: bytes, piece_bytes: int) -> None:
    assert_same(GOOD_BYTES[:at] + new + GOOD_BYTES[at + gone :], piece_bytes)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({**GOOD, "recipients": [*MANY, 7]}, "recipients[600]: is neither an address nor an object"),
        ({**GOOD, "recipients": [*MANY, {"to": 7}]}, "recipients[600].to: input should be a valid string"),
        ({**GOOD, "recipients": [*MANY, {"to": "1", "variables": {"a": {}}}]}, "recipients[600].variables.(unknown): "),
        ({**GOOD, "recipients": [*MANY, {"to": "1", "two": "2"}]}, "recipients[600].(unknown): is not a field"),
        ({**GOOD, "recipients": MANY * 2}, "recipients: at most 1,000 are allowed"),
        ({**GOOD, "recipients": [*MANY, "1"], "content": "{{a}}"}, "recipients[600].variables.a: "),
        ({**GOOD, "recipients": [*MANY, [[[[[[]]]]]]]}, "recipients: is not JSON, nested too deeply, or too large"),
        ({**GOOD, "recipients": "x" * 100}, "recipients: input should be a valid array"),
        ({"recipients": MANY, "channel": "fax"}, "channel: input should be 'sms' or 'email'. content: is required"),
        ({**GOOD, "recipients": MANY, "x" * 500: 1}, "(unknown): is not a field of this body"),
        (b'{"recipients":["1"],' + b" " * 64 + b'"recipients":["1"]}', "recipients: is given twice"),
        (b'{"recipients":["1"],' + b" " * 100 + b'"recipient\\u0073":["1"]}', "recipients: is given twice"),
        (b"[" * 300, "the body is not an object"),
        (b'{"recipients":["' + b"x" * 300, "recipients: is not JSON"),
        (b'{"content":' + b"[" * 300, "content: is not JSON, nested too deeply"),
        (json.dumps({**GOOD, "recipients": MANY}).encode()[:-1] + b",}", "the body: is not JSON"),
        (json.dumps({**GOOD, "recipients": MANY}).encode().replace(b'"to"', b'"to" ;', 1), "the body is not JSON"),
    ],
)
def test_a_wrong_field_in_a_piece_is_named(body: Any, message: str) -> None:
    assert refusal(body).startswith(message)


@pytest.mark.parametrize("piece_bytes", [64, WHOLE])
@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b'{"channel":"email","channel":"sms","content":"a","recipients":["1","2","3"]}', "channel"),
        (
            b'{"channel":"sms","content":"a","variables":{"a":"1","a":"2"},"recipients":["1","2","3"]}',
            "variables.(unknown)",
        ),
        (
            b'{"channel":"sms","content":"a","recipients":["1","2","3",' + b'"4",' * 40 + b'{"to":"5","to":"6"}]}',
            "recipients[43].to",
        ),
        (b'{"channel":"sms","content":"a","recipients":["1",{"to":"5","t\\u006f":"6"}]}', "recipients[1].to"),
        (
            b'{"channel":"sms","content":"a","recipients":["1",{"to":"5","variables":{"k":"","k":""}}]}',
            "recipients[1].variables.(unknown)",
        ),
        (
            b'{"channel":"sms","content":"a","recipients":["1",' + b'"2",' * 40 + b'{"to":7,"to":"\\""}]}',
            "recipients[41].to",
        ),
        (
            b'{"channel":"sms","content":"a","recipients":["1",' + b'"2",' * 40 + b'{"to":7,"to":"8"}]}',
            "recipients[41].to",
        ),
    ],
)
def test_a_name_that_is_given_twice_is_refused(raw: bytes, name: str, piece_bytes: int) -> None:
    assert refusal(raw, piece_bytes).startswith(f"{name}: is given twice")


def test_a_head_that_is_too_large_is_not_parsed() -> None:
    raw = json.dumps({**GOOD, "variables": {"a": "\x01" * MAX_SHARED_FIELDS_BYTES * 2}}).encode()
    assert refusal(raw).startswith("variables: ")


def test_a_recipient_that_is_too_large_is_not_parsed() -> None:
    raw = json.dumps({**GOOD, "recipients": ["1", {"to": "1", "reference": "\x01" * MAX_INTAKE_BYTES * 2}]}).encode()
    assert refusal(raw).startswith("recipients: ")


async def test_a_large_body_does_not_block_the_event_loop() -> None:
    raw = orjson.dumps({**GOOD, "recipients": MANY * 20})
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    pieces = await split_body(bytearray(raw), BulkSendRequest.model_fields)
    task.cancel()
    assert turns >= len(pieces.ranges) > len(raw) // 40_000


def test_a_large_body_takes_little_more_memory_than_its_records() -> None:
    raw = orjson.dumps({**GOOD, "recipients": MANY * 60})
    preparer = RequestPreparer(some_settings())
    tracemalloc.start()
    try:
        prepared = asyncio.run(preparer.prepare(bytearray(raw), CONTEXT, slice(0, 20)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert prepared.total == 36_000
    assert peak < 3 * len(raw)
