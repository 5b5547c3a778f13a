"""A text of nothing but errors costs about as much as a good text of the same size, and few errors are collected."""

import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from consumer.expand.decode import decode
from consumer.kafka.record import KafkaRecord
from schemas.bulk_body import BulkSendRequest
from schemas.check_names import SMALL_BYTES
from schemas.parse_body import parse_body
from schemas.query_parameters import LogFilters, LogSearch
from schemas.receipts import Receipt
from schemas.requests import BulkRequest
from schemas.results import ChunkPointer

SIZE = 500_000
HEAD = '{"channel":"sms","content":"x","tenant_id":"t"'
ONE = ',"recipients":["13800138000"]'
COLLECTIONS = {"list", "dict", "set", "frozenset", "tuple", "generator"}


def many(item: str) -> str:
    """Return items of SIZE bytes in all. `#` is replaced by a number."""
    count = SIZE // (len(item) + 5)
    return ",".join(item.replace("#", f"{number:05}") for number in range(count))


GOOD = HEAD + ',"recipients":[' + many('{"to":"138#","variables":{"code":"#"}}') + "]}"
NUMBERS, NAMES = many("10000"), many('"#":1')
BAD = {
    "unknown names": HEAD + ONE + "," + NAMES + "}",
    "unknown names of a recipient": HEAD + ',"recipients":[{"to":"1",' + NAMES + "}]}",
    "recipients that are numbers": HEAD + ',"recipients":[' + NUMBERS + "]}",
    "recipients that lack an address": HEAD + ',"recipients":[' + many("{}") + "]}",
    "variables that are numbers": HEAD + ONE + ',"variables":{' + NAMES + "}}",
    "names of variables that are too long": HEAD + ONE + ',"variables":{' + many(f'"{"x" * 101}#":""') + "}}",
    "copies that are numbers": HEAD + ONE + ',"cc":[' + NUMBERS + "]}",
    "secret variables that are numbers": HEAD + ONE + ',"secret_variables":[' + NUMBERS + "]}",
    "no required field": '{"variables":{' + many('"#":"1"') + "}}",
    "unknown names and no required field": "{" + NAMES + "}",
}


def record_of(text: str) -> KafkaRecord:
    return KafkaRecord("requests", 0, 0, 1_764_000_000_000, None, text.encode(), ())


def cost_of(text: str) -> tuple[float, float]:
    """Return CPU seconds and peak bytes of the decoding, each per byte of the record."""
    record, seconds = record_of(text), []
    for _ in range(3):
        begun = time.thread_time()
        decode(record)
        seconds.append(time.thread_time() - begun)
    tracemalloc.start()
    try:
        decode(record)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return min(seconds) / len(text), peak / len(text)


@pytest.fixture(scope="module")
def cost_of_good() -> tuple[float, float]:
    return cost_of(GOOD)


@pytest.mark.parametrize("kind", BAD)
def test_a_record_of_errors_costs_about_as_much_as_a_good_one(kind: str, cost_of_good: tuple[float, float]) -> None:
    seconds, peak = cost_of(BAD[kind])

    assert seconds < 4 * cost_of_good[0]
    assert peak < 4 * cost_of_good[1]


@pytest.mark.parametrize("kind", BAD)
def test_few_errors_of_a_record_are_collected(kind: str) -> None:
    with pytest.raises(ValidationError) as refused:
        parse_body(BulkRequest, BAD[kind].encode())

    assert refused.value.error_count() <= 5


def test_a_text_that_is_not_checked_has_few_errors_too() -> None:
    names = ",".join(f'"{number}":1' for number in range(SMALL_BYTES // 8))
    with pytest.raises(ValidationError) as refused:
        parse_body(BulkRequest, f"{HEAD}{ONE},{names}}}".encode())

    assert refused.value.error_count() <= SMALL_BYTES // 8


@pytest.mark.parametrize("model", [BulkRequest, BulkSendRequest, LogSearch, LogFilters, Receipt, ChunkPointer])
def test_each_list_and_object_of_a_caller_stops_at_the_first_error(model: type[BaseModel]) -> None:
    for schema in collections_in(model.__pydantic_core_schema__):
        assert schema.get("fail_fast"), schema


def collections_in(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield the schemas of lists and objects with free names within a core schema of pydantic."""
    if isinstance(schema, list):
        for item in schema:
            yield from collections_in(item)
    if not isinstance(schema, dict):
        return
    if schema.get("type") in COLLECTIONS:
        yield schema
    for name, value in schema.items():
        if name not in {"metadata", "serialization"}:
            yield from collections_in(value)
