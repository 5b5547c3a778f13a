"""Addresses that are not certain, and addresses that are the same recipient."""

import pytest

from core.send_result import Message
from schemas.statuses import Channel
from tests.flow.sample_requests import Library
from tests.flow.world import RecordingProvider, World

TWO_NUMBERS = "the address has two numbers, or a range of numbers"


def sent_by(world: World, channel: Channel) -> list[Message]:
    (provider,) = (provider for provider in world.providers if provider.channel is channel)
    assert isinstance(provider, RecordingProvider)
    return list(provider.texts.values())


@pytest.mark.parametrize(
    ("to", "error"),
    [
        ("13800138000;13900139000", TWO_NUMBERS),
        ("1.39123456E10", "the address has an exponent, as spreadsheets and programs write large numbers"),
        ("13800138000.5", "the address has a decimal fraction"),
        ("13800138000 Eva", "the address has letters"),
    ],
)
async def test_the_error_says_what_was_found_in_the_log_the_event_and_over_http(to: str, error: str) -> None:
    library = Library()
    async with library.service:
        await library.sent("r", [to, "13900139000"])
        answer = await library.get("/communication/logs?request_id=r&status=failed")
    world = library.world
    assert [message.to for message in sent_by(world, Channel.SMS)] == ["+8613900139000"]
    (log,) = [log for log in await world.logs("r", "tnt_a") if log.reason]
    (event,) = world.events("delivery.failed")
    (item,) = answer["items"]
    assert (log.reason, log.error) == ("invalid_recipient", error)
    assert (event["reason"], event["error"]) == ("invalid_recipient", error)
    assert (item["reason"], item["error"]) == ("invalid_recipient", error)
    assert to not in str((log, event, item))


async def test_the_error_survives_in_the_chunk_until_the_delivery_is_logged() -> None:
    world = World()
    await world.expand(world.record("no number"))
    await world.deliver_all()
    (log,) = await world.logs()
    assert log.error == "the address has letters"


SPELLINGS = ["Anna@example.com", "anna@Example.com", "ANNA@EXAMPLE.COM", "\u00c9va@example.com", "\u00e9va@example.com"]


@pytest.mark.parametrize("parts", [1, 5])
async def test_one_mailbox_in_several_spellings_gets_one_mail_to_the_first_spelling(parts: int) -> None:
    world = World()
    for part in range(parts):
        recipients = SPELLINGS if parts == 1 else SPELLINGS[part : part + 1]
        record = world.record(*recipients, channel="email", subject="Hi", part=part, last=part == parts - 1)
        await world.expand(record)
    await world.deliver_all()
    duplicate = ("suppressed", "duplicate")
    assert await world.outcomes() == [("sent", None), duplicate, duplicate, ("sent", None), duplicate]
    assert [message.to for message in sent_by(world, Channel.EMAIL)] == ["Anna@example.com", "\u00c9va@example.com"]


async def test_a_search_finds_an_address_in_another_case() -> None:
    library = Library()
    async with library.service:
        await library.sent("r", ["Anna@example.com"], channel="email", subject="Hi")
        for asked in ("anna@example.com", "ANNA@Example.com"):
            assert (await library.search({"recipient": asked}))["total"] == 1
        assert (await library.search({"recipient": "annb@example.com"}))["total"] == 0
