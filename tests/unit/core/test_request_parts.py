"""Encoding of a request as intake records."""

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.request_parts import (
    MAX_SHARED_FIELDS_BYTES,
    EncodedPart,
    PartEncoder,
    RequestEncodingError,
    choose_lane,
    encode_parts,
    intake_topic,
    position_of,
    recipient_json,
    request_fields,
)
from core.rfc3339 import rfc3339
from schemas.requests import BulkBody, BulkRequest, Recipient
from schemas.statuses import Lane
from schemas.topic_definitions import MAX_INTAKE_BYTES, Topics

NOON = datetime(2026, 4, 15, 12, 0, 0, 1234, tzinfo=UTC)


def a_head(**changes: Any) -> dict[str, Any]:
    return {"channel": "sms", "content": "Hello", "tenant_id": "tnt_a", "request_id": "r-1", **changes}


def a_part(recipients: int, *, last: bool = True) -> EncodedPart:
    return EncodedPart(b"r-1", b"{}", 0, last, recipients)


addresses = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=320)
objects = st.fixed_dictionaries(
    {"to": addresses},
    optional={
        "variables": st.dictionaries(st.text("abc", min_size=1), addresses),
        "reference": st.text("xyz"),
        "region": st.sampled_from(["CN", "DE"]),
        "timezone": st.sampled_from(["Asia/Shanghai", "UTC"]),
    },
)
# Few recipients, some of them huge, so that parts break at many places.
heavy = st.integers(1, 400_000).map(lambda size: {"to": "1", "variables": {"a": "x" * size}})


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(addresses, objects, heavy), min_size=1, max_size=12))
def test_the_parts_together_are_the_recipients_in_order(recipients: list[Any]) -> None:
    parts = list(encode_parts(a_head(), iter(recipients)))
    bodies = [orjson.loads(part.value) for part in parts]
    assert [one for body in bodies for one in body["recipients"]] == recipients
    assert [body["part"] for body in bodies] == list(range(len(parts)))
    assert [body["last"] for body in bodies] == [False] * (len(parts) - 1) + [True]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(addresses, heavy), min_size=1, max_size=12), st.integers(0, MAX_SHARED_FIELDS_BYTES - 200))
def test_every_part_fits_a_record_and_says_what_it_holds(recipients: list[Any], text: int) -> None:
    for part in encode_parts(a_head(content="x" * text), recipients):
        body = orjson.loads(part.value)
        assert len(part.value) <= MAX_INTAKE_BYTES
        assert (part.key, part.part, part.last) == (b"r-1", body["part"], body["last"])
        assert part.recipients == len(body["recipients"]) > 0
        assert {name: body[name] for name in a_head()} == a_head(content="x" * text)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_a_recipient_is_found_by_its_number(sizes: list[int]) -> None:
    positions = [(part, index) for part, size in enumerate(sizes) for index in range(size)]
    assert [position_of(sizes, number) for number in range(sum(sizes))] == positions


def test_a_request_with_cc_takes_no_second_recipient() -> None:
    encoder = PartEncoder(a_head(cc=["c@example.com"]))
    encoder.add("a@example.com")
    with pytest.raises(RequestEncodingError, match="cc: needs a request with exactly one recipient"):
        encoder.add("b@example.com")


def test_a_number_beyond_the_last_recipient_has_no_position() -> None:
    with pytest.raises(IndexError):
        position_of([2, 3], 5)


def test_parts_are_filled_before_the_next_begins() -> None:
    parts = list(encode_parts(a_head(), (f"+86138{number:08}" for number in range(200_000))))
    assert all(len(part.value) > MAX_INTAKE_BYTES - 20 for part in parts[:-1])


def test_a_stream_is_read_no_further_than_the_part_it_fills() -> None:
    taken = 0

    def many() -> Iterator[str]:
        nonlocal taken
        for taken in range(1_000_000):
            yield f"+86138{taken:08}"

    first = next(encode_parts(a_head(), many()))
    assert not first.last
    assert taken == first.recipients


def test_a_long_stream_needs_no_more_memory_than_a_few_times_a_part() -> None:
    tracemalloc.start()
    try:
        count = sum(part.recipients for part in encode_parts(a_head(), (str(n) for n in range(150_000))))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 150_000
    assert peak < 5 * MAX_INTAKE_BYTES


def test_a_validated_body_is_unchanged_by_the_parts() -> None:
    recipients = [
        "13800138000",
        Recipient(to="13900139000", variables={"code": "7"}, reference="order-17", region="DE", timezone="UTC"),
    ]
    body = BulkBody.model_validate(
        {
            "channel": "sms",
            "content": "{{code}}",
            "recipients": recipients,
            "region": "CN",
            "provider": "aliyun",
            "list": "news",
        },
        strict=False,
    )
    head = request_fields(body, tenant_id="tnt_a", user_id="usr_a", request_id="r-1", accepted_at=NOON)
    (part,) = encode_parts(head, map(recipient_json, body.recipients))
    request = BulkRequest.model_validate_json(part.value)
    assert [recipient_json(one) for one in request.recipients] == [recipient_json(one) for one in body.recipients]
    assert request.region == body.region == "CN"
    assert request.provider == body.provider == "aliyun"
    assert request.mailing_list == body.mailing_list == "news"
    assert (request.content, request.channel, request.category) == (body.content, body.channel, body.category)
    assert (request.tenant_id, request.user_id, request.request_id) == ("tnt_a", "usr_a", "r-1")
    assert (request.part, request.last) == (0, True)
    assert request.accepted_at == NOON.replace(microsecond=1000)


def test_no_field_of_a_recipient_is_left_behind() -> None:
    full = Recipient(to="1", variables={"a": "b"}, reference="", region="DE", timezone="UTC")
    assert recipient_json(full) == full.model_dump()
    assert recipient_json(Recipient(to="1")) == {"to": "1"}


def test_all_parts_carry_the_same_time_of_acceptance() -> None:
    head = a_head(accepted_at=rfc3339(NOON))
    parts = list(encode_parts(head, ({"to": "1", "variables": {"a": "x" * 300_000}} for _ in range(9))))
    assert len(parts) > 2
    assert {orjson.loads(part.value)["accepted_at"] for part in parts} == {"2026-04-15T12:00:00.001Z"}


@pytest.mark.parametrize(
    ("head", "recipients", "field"),
    [
        (a_head(content="x" * MAX_INTAKE_BYTES), ["1"], "content"),
        (a_head(variables={"a": "x" * MAX_INTAKE_BYTES}), ["1"], "variables"),
        (a_head(content="\ud800"), ["1"], "content"),
        (a_head(), [], "recipients"),
        (a_head(), ["1", {"to": "1", "variables": {"a": "x" * MAX_INTAKE_BYTES}}], "recipients[1]"),
        (a_head(), ["1", "2", "\ud800"], "recipients[2]"),
    ],
)
def test_a_field_that_cannot_be_encoded_is_refused_by_its_name(
    head: dict[str, Any], recipients: list[Any], field: str
) -> None:
    with pytest.raises(RequestEncodingError) as caught:
        list(encode_parts(head, recipients))
    assert caught.value.field == field
    assert "xxx" not in str(caught.value)


def test_a_part_does_not_show_its_recipients() -> None:
    (part,) = encode_parts(a_head(), ["13800138000"])
    assert "13800138000" not in f"{part!r} {part}"


@pytest.mark.parametrize(
    ("first", "lane"),
    [
        (a_part(1), Lane.EXPRESS),
        (a_part(500), Lane.EXPRESS),
        (a_part(501), Lane.BULK),
        (a_part(1, last=False), Lane.BULK),
    ],
)
def test_the_express_lane_takes_one_part_of_at_most_one_chunk(first: EncodedPart, lane: Lane) -> None:
    assert choose_lane(first, chunk_size=500) is lane


def test_each_lane_has_its_topic() -> None:
    topics = Topics("x")
    assert intake_topic(topics, Lane.EXPRESS) == "x.bulk.requests.express"
    assert intake_topic(topics, Lane.BULK) == "x.bulk.requests"
