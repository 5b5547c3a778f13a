"""The whole consumer on the in-memory implementations, as a caller sees it for each kind of request."""

from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from core.ids import request_key
from core.render import MAX_RENDERED
from core.send_result import Failed, Retry, Sent, Uncertain
from ledger.models import Log
from ledger.sealing import Sealer
from schemas.results import DeliveryEvent, RequestAccepted, RequestCompleted
from schemas.statuses import Channel, Reason
from tests.flow.world import START, TOPICS, RecordingProvider, World

NUMBERS = [f"138000000{n:02d}" for n in range(30)]


async def run(world: World, *recipients: object, **said: object) -> list[tuple[str, str | None]]:
    await world.expand(world.record(*recipients, **said))
    await world.deliver_all()
    return await world.outcomes()


async def test_every_recipient_is_sent_logged_and_reported() -> None:
    world = World()
    outcomes = await run(world, *NUMBERS[:10])
    assert outcomes == [("sent", None)] * 10
    assert [event["type"] for event in world.events()].count("delivery.sent") == 10
    (completed,) = world.events("request.completed")
    assert completed["total"] == 10
    assert completed["by_status"] == {"sent": 10}
    for event in world.events("delivery"):
        DeliveryEvent.model_validate(event, strict=False)
    RequestCompleted.model_validate(completed)
    RequestAccepted.model_validate(world.events("request.accepted")[0])


async def test_nulls_and_a_byte_order_mark_change_nothing() -> None:
    """Java writes null for a map that is not set, and editors of Windows put a byte order mark first."""
    world = World()
    recipient = {"to": NUMBERS[0], "variables": None, "reference": None}
    nulls = {"variables": None, "category": None, "on_uncertain": None, "part": None, "last": None}
    record = world.record(recipient, schema_version=None, **nulls)
    await world.expand(world.record(recipient))
    await world.expand(world.raw(b"\xef\xbb\xbf" + (record.value or b"")))  # the same body, so no conflict
    await world.deliver_all()
    assert await world.outcomes() == [("sent", None)]
    assert not world.events("request.rejected")


async def test_completed_is_the_last_event() -> None:
    world = World()
    await run(world, *NUMBERS[:9])
    assert world.bus.events[TOPICS.results][-1][1].type == "request.completed"


async def test_bad_duplicate_and_unfit_recipients_leave_the_good_ones_alone() -> None:
    world = World()
    outcomes = await run(
        world,
        {"to": "13800138000", "variables": {"code": "1"}},
        {"to": "12", "variables": {"code": "1"}},
        {"to": "+8613800138000", "variables": {"code": "2"}},
        "13900139000",
        {"to": "13700137000", "variables": {"code": "3"}, "reference": "order-3"},
        content="code {{code}}",
    )
    assert outcomes == [
        ("sent", None),
        ("failed", "invalid_recipient"),
        ("suppressed", "duplicate"),
        ("failed", "missing_variable"),
        ("sent", None),
    ]
    assert "138****8000" in {log.recipient for log in await world.logs()}
    assert [event["reference"] for event in world.events("delivery")].count("order-3") == 1


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"li.wei@example.com": 1}, ["(unknown)"]),
        ({"variables": {"li.wei@example.com": 1}}, ["variables.(unknown)"]),
        ({"recipients": [{"to": "1", "li@example.com": 1}]}, ["recipients[0].(unknown)"]),
        ({"recipients": [{"to": "1", "variables": {"li@example.com": 1}}]}, ["recipients[0].variables.(unknown)"]),
        ({"recipients": [{"to": "1", "variables": {"13800138000": 1}}]}, ["recipients[0].variables.(unknown)"]),
        ({"order.id": 1}, ["(unknown)"]),
        ({"recipients[0].to": 1}, ["(unknown)"]),
        ({"to": 1}, ["(unknown)"]),
        ({"Your code is 123456. Valid for 5 minutes.x": 1}, ["(unknown)"]),
        ({"recipients": [{"to": "1", "content": "x"}]}, ["recipients[0].(unknown)"]),
        ({"variables": {"Recipient": 1, "variables": 2}}, ["variables.(unknown)"]),
        ({"variables": {"[key]": "1", "": "2"}}, ["variables.(unknown)"]),
        ({"secret_variables": [1]}, ["secret_variables[0]"]),
    ],
)
async def test_a_refusal_names_the_field_and_never_an_address(said: dict[str, object], fields: list[str]) -> None:
    world = World()
    body = {"request_id": "r1", "tenant_id": "t1", "channel": "sms", "content": "x", "recipients": ["1"], **said}
    await world.expand(world.raw(orjson.dumps(body)))
    (event,) = world.events("request.rejected")
    assert (event["reason"], event["fields"]) == ("invalid_schema", fields)
    assert "example" not in str(event)


async def test_text_is_rendered_from_the_recipients_variables_then_the_requests() -> None:
    book = RecordingProvider()
    world = World(book)
    await run(
        world,
        {"to": NUMBERS[0], "variables": {"code": "7"}},
        NUMBERS[1],
        content="{{code}} for {{name}} {{{{",
        variables={"code": "123456", "name": "you"},
    )
    assert sorted(message.text for message in book.texts.values()) == ["123456 for you {{", "7 for you {{"]


async def test_html_mail_is_escaped_and_its_subject_is_safe() -> None:
    book = RecordingProvider("post", Channel.EMAIL)
    world = World(book)
    outcomes = await run(
        world,
        {"to": "a@example.com", "variables": {"name": "<b>"}},
        {"to": "b@example.com", "variables": {"name": "x\r\nBcc: c@example.com"}},
        channel="email",
        subject="for {{name}}",
        content="<p>{{name}}</p>",
    )
    assert outcomes == [("sent", None), ("failed", "invalid_content")]
    (message,) = book.texts.values()
    assert (message.text, message.subject, message.is_html) == ("<p>&lt;b&gt;</p>", "for <b>", True)


async def test_a_subject_that_its_variables_make_too_long_is_invalid_and_lacks_nothing() -> None:
    world = World(RecordingProvider("post", Channel.EMAIL))
    outcomes = await run(
        world,
        {"to": "a@example.com", "variables": {"name": "x"}},
        {"to": "b@example.com", "variables": {"name": "x" * (MAX_RENDERED // 100 + 1)}},
        channel="email",
        subject="{{name}}" * 100,
        content="hi",
    )
    assert outcomes == [("sent", None), ("failed", "invalid_content")]


async def test_a_refused_delivery_is_tried_again_and_the_others_do_not_wait() -> None:
    book = RecordingProvider(answers=lambda _, before: Sent() if before else Retry(Reason.UNAVAILABLE))
    world = World(book)
    assert await run(world, *NUMBERS[:3]) == []
    assert not world.events("request.completed")
    await world.settle(3)
    assert await world.outcomes() == [("sent", None)] * 3
    assert {log.attempts for log in await world.logs()} == {2}
    assert set(book.calls.values()) == {2}


async def test_attempts_are_bounded_and_the_last_reason_is_kept() -> None:
    book = RecordingProvider(answers=lambda *_: Retry(Reason.UNAVAILABLE, "503"))
    world = World(book)
    await run(world, *NUMBERS[:2])
    await world.settle(6)
    assert await world.outcomes() == [("failed", "gave_up")] * 2
    assert set(book.calls.values()) == {3}
    assert {log.error for log in await world.logs()} == {"503"}


async def test_being_rate_limited_spends_no_attempt() -> None:
    book = RecordingProvider(
        answers=lambda _, before: Sent() if before >= 8 else Retry(Reason.RATE_LIMITED, delay_seconds=5)
    )
    world = World(book)
    await run(world, NUMBERS[0])
    await world.settle(12)
    assert await world.outcomes() == [("sent", None)]
    assert (await world.logs())[0].attempts == 1


async def test_the_next_provider_is_asked_at_once_when_the_first_refuses() -> None:
    first = RecordingProvider("first", answers=lambda *_: Retry(Reason.UNAVAILABLE))
    second = RecordingProvider("second")
    world = World(first, second)
    await run(world, *NUMBERS[:4])
    assert await world.outcomes() == [("sent", None)] * 4
    assert {log.provider for log in await world.logs()} == {"second"}


async def test_a_refusal_for_good_is_final() -> None:
    world = World(RecordingProvider(answers=lambda *_: Failed(Reason.REJECTED, "400")))
    assert await run(world, *NUMBERS[:2]) == [("failed", "rejected")] * 2


async def test_no_answer_is_unknown_unless_the_request_asks_to_resend() -> None:
    def answers(_: object, before: int) -> Sent | Uncertain:
        return Sent() if before else Uncertain(Reason.NO_ANSWER)

    careful = World(RecordingProvider(answers=answers))
    assert await run(careful, NUMBERS[0]) == [("unknown", "no_answer")]
    bold = World(RecordingProvider(answers=answers))
    await run(bold, NUMBERS[0], on_uncertain="resend")
    await bold.settle(3)
    assert await bold.outcomes() == [("sent", None)]


async def test_once_uncertain_never_failed() -> None:
    def answers(_: object, before: int) -> Failed | Uncertain:
        return Failed(Reason.REJECTED) if before else Uncertain(Reason.NO_ANSWER)

    world = World(RecordingProvider(answers=answers))
    await run(world, NUMBERS[0], on_uncertain="resend")
    await world.settle(3)
    assert await world.outcomes() == [("unknown", "no_answer")]


async def test_where_the_provider_deduplicates_an_answer_that_never_came_is_asked_for_again() -> None:
    def answers(_: object, before: int) -> Sent | Uncertain:
        return Sent() if before else Uncertain(Reason.NO_ANSWER)

    book = RecordingProvider(answers=answers, deduplicates=True)
    world = World(book, RecordingProvider("other"))
    await run(world, NUMBERS[0])
    await world.settle(3)
    assert await world.outcomes() == [("sent", None)]
    assert set(book.calls.values()) == {2}


async def test_a_provider_that_breaks_its_promise_leaves_the_delivery_unknown() -> None:
    def breaks(*_: object) -> Sent:
        raise RuntimeError("13800138000")

    world = World(RecordingProvider(answers=breaks))
    assert await run(world, NUMBERS[0]) == [("unknown", "no_answer")]
    assert (await world.logs())[0].error == "RuntimeError"


async def test_send_at_waits_and_expires_at_ends() -> None:
    book = RecordingProvider()
    world = World(book)
    send_at = (START + timedelta(hours=1)).isoformat()
    await run(world, NUMBERS[0], send_at=send_at)
    assert not book.calls
    counts = await world.ledger.chunks.counts(request_key("t1", "r1"))
    assert {status.value for status, _ in counts} == {"scheduled"}
    world.pass_time(3601)
    await world.deliver_all()
    assert await world.outcomes() == [("sent", None)]
    late = World()
    assert await run(late, *NUMBERS[:3], expires_at=START.isoformat()) == [("expired", "expired")] * 3


async def test_what_is_not_sent_by_expires_at_is_expired_between_retries_too() -> None:
    world = World(RecordingProvider(answers=lambda *_: Retry(Reason.UNAVAILABLE)))
    await run(world, NUMBERS[0], expires_at=(START + timedelta(seconds=1)).isoformat())
    world.pass_time(60)
    await world.deliver_all()
    assert await world.outcomes() == [("expired", "expired")]


async def test_results_go_to_the_topic_that_the_request_names_and_carry_its_correlation_id() -> None:
    world = World(reply_topics=["team.results"])
    record = world.record(NUMBERS[0], headers=[("reply_to", b"team.results"), ("kafka_correlationId", b"\xff\x00")])
    await world.expand(record)
    await world.deliver_all()
    events = world.events(topic="team.results")
    assert [event["type"] for event in events] == ["request.accepted", "delivery.sent", "request.completed"]
    assert {event["correlation_id"] for event in events} == {"ff00"}
    assert not world.events()


@pytest.mark.parametrize("part_order", [(0, 1), (1, 0)])
async def test_parts_complete_together(part_order: tuple[int, int]) -> None:
    world = World()
    for part in part_order:
        await world.expand(world.record(*NUMBERS[part * 5 : part * 5 + 5], part=part, last=part == 1))
        await world.deliver_all()
    (completed,) = world.events("request.completed")
    assert completed["total"] == 10
    assert len(world.events("request.accepted")) == 2


async def test_duplicates_across_parts_are_suppressed() -> None:
    world = World()
    await world.expand(world.record(*NUMBERS[:5], part=0, last=False))
    await world.expand(world.record(*NUMBERS[3:8], part=1, last=True))
    await world.deliver_all()
    outcomes = await world.outcomes()
    assert outcomes.count(("suppressed", "duplicate")) == 2
    assert outcomes.count(("sent", None)) == 8


async def test_the_same_request_again_changes_nothing() -> None:
    world = World()
    await run(world, *NUMBERS[:6])
    published = len(world.events())
    assert await run(world, *NUMBERS[:6]) == [("sent", None)] * 6
    assert len(world.events()) == published
    assert not world.bus.dead_letters


async def test_the_same_id_with_another_body_is_rejected() -> None:
    world = World()
    await run(world, *NUMBERS[:6])
    await run(world, *NUMBERS[:5])
    (rejected,) = world.events("request.rejected")
    assert rejected["reason"] == "request_conflict"
    assert len(world.bus.dead_letters) == 1
    assert len(await world.logs()) == 6


async def test_a_part_of_another_body_does_not_take_the_place_of_the_true_one() -> None:
    world = World()
    await world.expand(world.record(*NUMBERS[:2], part=0, last=False))
    await world.expand(world.record(*NUMBERS[:1], part=1, last=True, content="Another text"))
    (rejected,) = world.events("request.rejected")
    assert (rejected["reason"], rejected["part"]) == ("request_conflict", 1)
    await world.expand(world.record(*NUMBERS[2:4], part=1, last=True))
    await world.deliver_all()
    assert await world.outcomes() == [("sent", None)] * 4
    assert len(world.events("request.completed")) == 1


async def test_a_part_under_a_newer_sealing_key_belongs_to_the_same_request() -> None:
    world = World()
    await world.expand(world.record(*NUMBERS[:2], part=0, last=False))
    rotated = replace(world.context(), sealer=Sealer([("k2", bytes([2] * 32)), ("k1", bytes(32))]))
    await world.expand(world.record(*NUMBERS[2:4], part=1, last=True), rotated)
    await world.deliver_all(rotated)
    assert await world.outcomes() == [("sent", None)] * 4


async def test_a_part_after_the_last_is_rejected() -> None:
    world = World()
    await run(world, *NUMBERS[:2])
    await world.expand(world.record(*NUMBERS[2:4], part=1, last=False))
    (rejected,) = world.events("request.rejected")
    assert (rejected["reason"], rejected["fields"]) == ("part_refused", ["part"])


async def test_a_part_that_never_comes_ends_as_incomplete_and_is_refused_from_then_on() -> None:
    world = World()
    await world.expand(world.record(*NUMBERS[:3], part=0, last=False))
    world.bus.lags[TOPICS.requests, 0] = 1
    await world.deliver_all()
    world.pass_time(4000)
    await world.settle(1)
    assert not world.events("request.completed"), "it may still wait in the intake"
    world.bus.lags.clear()
    await world.settle(2)
    (completed,) = world.events("request.completed")
    assert (completed["incomplete"], completed["total"]) == (True, 3)
    await world.expand(world.record(*NUMBERS[3:6], part=1, last=True))
    (rejected,) = world.events("request.rejected")
    assert rejected["reason"] == "part_refused"


async def test_a_cancel_stops_what_was_not_sent() -> None:
    world = World(RecordingProvider(answers=lambda *_: Retry(Reason.UNAVAILABLE)))
    await run(world, *NUMBERS[:3])
    await world.ledger.requests.cancel(request_key("t1", "r1"))
    await world.settle(2)
    assert await world.outcomes() == [("cancelled", "cancelled")] * 3
    (completed,) = world.events("request.completed")
    assert completed["by_status"] == {"cancelled": 3}


async def test_no_address_and_no_text_is_in_what_leaves_the_ledger() -> None:
    world = World()
    await run(world, "13800138000", content="secret words")
    stored: list[Log] = await world.logs()
    seen = repr(stored) + repr(world.bus.events) + repr(world.bus.dead_letters)
    assert "13800138000" not in seen
    assert "secret words" not in seen


@pytest.mark.parametrize(
    "number",
    [
        "4711",
        "-7",
        "0",
        "4711.0",
        "4711.10",
        "1e3",
        "12345678901234567890",
        "9007199254740993.0",
        "98765432109876543210",
    ],
)
async def test_a_numeric_request_id_is_rejected_under_the_text_of_the_number(number: str) -> None:
    world = World()
    record = world.record(NUMBERS[0], request_id="NUMBER")
    await world.expand(replace(record, value=(record.value or b"").replace(b'"NUMBER"', number.encode())))
    (rejected,) = world.events("request.rejected")
    assert (rejected["request_id"], rejected["tenant_id"]) == (number, "t1")
    assert (rejected["reason"], rejected["fields"]) == ("invalid_schema", ["request_id"])


@pytest.mark.parametrize("value", [True, None, [4711], {"id": 4711}, int("1" * 129)])
async def test_a_request_id_that_is_neither_text_nor_a_number_of_a_usual_length_gets_no_event(value: object) -> None:
    world = World()
    await world.expand(world.record("no address", request_id=value, channel="fax"))
    assert len(world.bus.dead_letters) == 1
    assert not world.events("request.rejected")
