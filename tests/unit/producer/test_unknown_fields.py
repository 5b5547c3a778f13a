"""A problem that occurs a million times is reported once, in time and without filling the memory."""

import asyncio
import tracemalloc

import orjson
import pytest

from producer.auth.token_verifier import ADMIN, Principal
from producer.bulk.prepare_request import RequestPreparer
from producer.errors import ApiError
from tests.support.service import GOOD, a_context, some_settings

CONTEXT = a_context(Principal("tnt_a", "usr_a", frozenset({ADMIN})))
MANY = {f"{number:05x}": 1 for number in range(30_000)}
NESTED = {
    "names": b'"a":"x",',
    "unknown names": b'"a":1,',
    "lists": b'"a":[[],[],[],[]],',
    "empty lists": b"[],",
    "numbers": b"1,",
}


def prepare(raw: bytearray) -> None:
    asyncio.run(RequestPreparer(some_settings()).prepare(raw, CONTEXT, slice(0, 20)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (MANY, "(unknown): is not a field of this body"),
        ({"variables": MANY}, "variables.(unknown): "),
        ({"recipients": [{"to": "1", **MANY}]}, "recipients[0].(unknown): is not a field of this body"),
        ({"recipients": ["1"] * 20_000 + [{"to": "1", **MANY}]}, "recipients[20000].(unknown): is not a field"),
        ({"recipients": [{"to": "1", "variables": MANY}]}, "recipients[0].variables.(unknown): "),
        ({"recipients": [1] * 100_000}, "recipients[0]: is neither"),
    ],
)
def test_a_very_frequent_problem_is_reported_once_and_takes_little_memory(
    changes: dict[str, object], message: str
) -> None:
    raw = bytearray(orjson.dumps({**GOOD, **changes}))
    tracemalloc.start()
    try:
        with pytest.raises(ApiError) as refused:
            prepare(raw)
        peak = tracemalloc.get_traced_memory()[1] / len(raw)
    finally:
        tracemalloc.stop()
    assert str(refused.value).startswith(message)
    assert len(str(refused.value)) < 200
    assert peak < 30


@pytest.mark.parametrize("item", ["names", "unknown names", "lists", "empty lists", "numbers"])
@pytest.mark.parametrize(
    ("before", "after", "field_name"),
    [
        (b'"recipients":[{"to":"1","variables":{', b"}}]", "recipients"),
        (b'"recipients":["1",{"to":"1","variables":{', b"}}]", "recipients"),
        (b'"recipients":["1",{"to":[', b"]}]", "recipients"),
        (b'"recipients":[{"to":"' + b"1" * 2_600_000 + b'"},{"to":"1","variables":{', b"}}]", "recipients"),
        (b'"recipients":["1"],"variables":{', b"}", "variables"),
        (b'"recipients":["1"],"content":[', b"]", "content"),
    ],
)
def test_a_value_with_very_many_items_is_refused_before_an_object_is_made_of_each(
    item: str, before: bytes, after: bytes, field_name: str
) -> None:
    many = NESTED[item] * (2_500_000 // len(NESTED[item]))
    raw = bytearray(b'{"channel":"sms",%b%b%b}' % (before, many.rstrip(b","), after))
    tracemalloc.start()
    try:
        with pytest.raises(ApiError, match=f"^{field_name}: the body has a value with more names and items"):
            prepare(raw)
    finally:
        peak = tracemalloc.get_traced_memory()[1] / len(raw)
        tracemalloc.stop()
    assert peak < 6


def test_a_value_of_megabytes_with_few_items_gets_as_far_as_the_size_of_a_record() -> None:
    variables = {f"v{number}": "\0" * 449 + "," for number in range(1_000)}
    raw = bytearray(orjson.dumps({**GOOD, "recipients": ["1", {"to": "1", "variables": variables}]}))
    assert len(raw) > 2_000_000
    with pytest.raises(ApiError, match="does not fit into one record"):
        prepare(raw)
