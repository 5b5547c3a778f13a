"""Texts beyond the limit of their channel, from the record to the log."""

from dataclasses import replace
from typing import Any

import pytest

from core.send_result import SendResult, Uncertain
from core.text_limits import TOO_LONG, TextLimits
from schemas.statuses import Channel, Reason
from tests.flow.world import LEASE_SECONDS, Killed, RecordingProvider, World, replace_text

NUMBERS = [f"138000000{n:02d}" for n in range(8)]
TEN_SEGMENTS = "x" * 1_530


async def rejected(world: World, *recipients: object, **fields: Any) -> dict[str, Any]:
    await world.expand(world.record(*recipients, **fields))
    (event,) = world.events("request.rejected")
    assert len(world.bus.dead_letters) == 1
    assert not await world.logs()
    return event


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"content": TEN_SEGMENTS + "x"},
            "content: takes 11 SMS segments (GSM-7), and at most 10 are allowed. Shorten it.",
        ),
        (
            {"content": "你" * 671 + "{{name}}"},
            "content: takes 11 SMS segments (UCS-2), and at most 10 are allowed. Shorten it.",
        ),
        ({"content": "{{name}}" * 1_001}, "content: has 1,001 placeholders, and at most 1,000 are allowed"),
        (
            {"channel": "email", "subject": "Hi", "content": "é" * 131_073},
            "content: has 262,146 bytes of UTF-8, and at most 262,144 are allowed. Shorten it.",
        ),
    ],
)
async def test_a_request_whose_text_is_too_long_for_all_is_refused(fields: dict[str, Any], message: str) -> None:
    event = await rejected(World(), "a@example.com", **fields)
    assert (event["reason"], event["fields"], event["message"]) == ("invalid_content", ["content"], message)


async def test_a_template_that_is_too_long_is_refused_also_one_that_an_older_version_stored() -> None:
    world = World()
    await world.ledger.templates.put("t1", "long", TEN_SEGMENTS + "{{name}}x", None)
    event = await rejected(world, NUMBERS[0], content="", template="long")
    assert (event["reason"], event["fields"]) == ("invalid_content", ["template"])


async def test_placeholders_count_as_empty_so_that_a_text_that_may_fit_is_accepted() -> None:
    provider = RecordingProvider()
    world = World(provider)
    recipients = [{"to": NUMBERS[0], "variables": {"name": ""}}, {"to": NUMBERS[1], "variables": {"name": "x"}}]
    await world.expand(world.record(*recipients, content=TEN_SEGMENTS + "{{name}}"))
    await world.deliver_all()
    assert await world.outcomes() == [("sent", None), ("failed", "invalid_content")]
    assert [message.text for message in provider.texts.values()] == [TEN_SEGMENTS]


@pytest.mark.parametrize(
    ("channel", "long"),
    [("sms", TEN_SEGMENTS + "x"), ("sms", "你" * 671), ("email", "é" * 131_073), ("email", "&" * 53_000)],
)
async def test_a_delivery_that_its_variables_make_too_long_fails_alone_and_no_provider_is_called(
    channel: str, long: str
) -> None:
    provider = RecordingProvider(channel=Channel(channel))
    world = World(provider)
    to = NUMBERS if channel == "sms" else [f"{number}@example.com" for number in NUMBERS]
    recipients = [{"to": one, "variables": {"name": "Anna"}} for one in to]
    recipients[5] = {"to": to[5], "variables": {"name": long}}
    subject = {"subject": "Hi", "content": "<p>{{name}}</p>"} if channel == "email" else {"content": "{{name}}"}
    await world.expand(world.record(*recipients, channel=channel, **subject))
    await world.deliver_all()

    expected: list[tuple[str, str | None]] = [("sent", None)] * 8
    expected[5] = ("failed", "invalid_content")
    assert await world.outcomes() == expected
    log = (await world.logs())[5]
    assert (log.error, log.attempts, log.provider) == (TOO_LONG, 0, None)
    assert len(provider.calls) == 7
    (completed,) = world.events("request.completed")
    assert completed["by_reason"] == {"invalid_content": 1}


async def test_a_subject_that_variables_make_longer_than_a_thousand_characters_fails_its_delivery() -> None:
    world = World(RecordingProvider(channel=Channel.EMAIL))
    recipients = [{"to": f"{n}@example.com", "variables": {"name": "x" * n}} for n in (995, 996)]
    await world.expand(world.record(*recipients, channel="email", subject="for: {{name}}", content="hi"))
    await world.deliver_all()
    assert await world.outcomes() == [("sent", None), ("failed", "invalid_content")]


async def test_a_request_that_a_higher_limit_accepted_ends_with_every_delivery_in_a_known_state() -> None:
    world = World()
    lower = world.limits
    world.limits = replace(lower, text_limits=TextLimits(sms_segments=20))
    await world.expand(world.record(*NUMBERS, content=TEN_SEGMENTS + "x"))
    world.limits = lower
    await world.deliver_all()
    assert await world.outcomes() == [("failed", "invalid_content")] * 8
    assert len(world.events("request.completed")) == 1


@pytest.mark.parametrize("content", ["x" * 900_000, "{{name}} " * 50_000, "{{name}}" + "x" * 530_000])
async def test_a_request_that_an_older_version_stored_ends_whatever_its_size(content: str) -> None:
    provider = RecordingProvider(channel=Channel.EMAIL)
    world = World(provider)
    people = [{"to": f"{n}@example.com", "variables": {"name": "Anna Schmidt"}} for n in range(4)]
    await world.expand(world.record(*people, channel="email", subject="s", content="hi"))
    replace_text(world, "r1", content)
    await world.deliver_all()
    assert await world.outcomes() == [("failed", "invalid_content")] * 4
    assert not provider.calls
    assert len(world.events("request.completed")) == 1


async def test_a_request_that_was_accepted_is_not_refused_by_a_later_expansion_with_a_lower_limit() -> None:
    world = World()
    lower = world.limits
    parts = [
        world.record(*numbers, content=TEN_SEGMENTS + "x", part=part, last=bool(part))
        for part, numbers in enumerate([NUMBERS[:4], NUMBERS[4:]])
    ]
    world.limits = replace(lower, text_limits=TextLimits(sms_segments=20))
    await world.expand(parts[0])
    await world.deliver_all()
    world.limits = lower
    await world.expand(parts[0])
    await world.expand(parts[1])
    await world.deliver_all()
    assert not world.bus.dead_letters
    assert await world.outcomes() == [("sent", None)] * 4 + [("failed", "invalid_content")] * 4


@pytest.mark.parametrize(
    ("deduplicates", "policy"), [(True, "mark_unknown"), (True, "resend"), (False, "resend"), (False, "mark_unknown")]
)
@pytest.mark.parametrize("is_killed", [False, True])
async def test_a_delivery_that_may_have_been_sent_under_a_higher_limit_is_unknown_and_never_failed(
    policy: str,
    *,
    deduplicates: bool,
    is_killed: bool,
) -> None:
    def answer(*_: object) -> SendResult:
        if is_killed:
            raise Killed
        return Uncertain(Reason.NO_ANSWER, "time-out")

    world = World(RecordingProvider(deduplicates=deduplicates, answers=answer))
    lower = world.limits
    world.limits = replace(lower, text_limits=TextLimits(sms_segments=20))
    await world.expand(world.record(NUMBERS[0], content=TEN_SEGMENTS + "x", on_uncertain=policy))
    assert await world.run_until_killed(world.deliver_all()) is is_killed
    world.limits = lower
    world.pass_time(LEASE_SECONDS + 1)
    await world.settle()
    ((status, _),) = await world.outcomes()
    assert status == "unknown"
