"""`logs` after a complete run of the consumer with the in-memory ledger."""

import io
import json
from typing import Any

import pytest

from cli.console import PrintableConsole
from cli.errors import UsageError
from cli.print_logs import PAGE_SIZE, LogsOptions, address_hashes, print_logs
from core.send_result import Failed, Message, Retry, SendResult, Sent
from ledger.sealing import Sealer
from schemas.statuses import Channel, Reason, Status
from tests.flow.world import RecordingProvider, World

GOOD = [f"138000000{n:02d}" for n in range(12)]


def refuses_some(message: Message, _calls: int) -> SendResult:
    return Failed(Reason.REJECTED, "blacklisted") if message.to.endswith("7") else Sent("m")


async def a_world() -> World:
    """Deliver one request with ten recipients in chunks of four."""
    world = World(RecordingProvider(answers=refuses_some))
    people = [{"to": to, "reference": f"o-{to[-2:]}", "variables": {"name": f"n{to[-2:]}"}} for to in GOOD[:10]]
    await world.expand(world.record(*people, content="Hello {{name}} of {{city}}", variables={"city": "Beijing"}))
    await world.deliver_all()
    return world


async def printed(
    world: World, *, hashes: frozenset[bytes] = frozenset(), page_size: int = PAGE_SIZE, **changes: Any
) -> str:
    out = io.StringIO()
    options = LogsOptions("t1", **changes)
    sealer = world.sealer if options.content else None
    await print_logs(world.ledger, PrintableConsole(file=out), options, hashes, sealer, page_size=page_size)
    return out.getvalue()


async def documents(world: World, **changes: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (await printed(world, as_json=True, **changes)).splitlines()]


async def test_the_table_is_in_request_order_and_tells_if_there_are_more() -> None:
    lines = (await printed(await a_world(), limit=8)).splitlines()
    assert [line.split()[2] for line in lines[1:9]] == [f"138****00{n:02d}" for n in range(8)]
    assert lines[8].split() == [
        "2026-01-02",
        "03:04:05",
        "138****0007",
        "o-07",
        "failed",
        "rejected",
        "book",
        "1",
        "r1",
        "1",
        "gsm7",
    ]
    assert lines[9:] == ["there are more: raise --limit, or filter further"]
    assert all(line == line.rstrip() for line in lines)


async def test_the_last_page_does_not_mention_more_deliveries() -> None:
    assert "more" not in await printed(await a_world(), limit=10)


async def test_json_has_the_names_of_the_http_service_and_no_content_unless_asked() -> None:
    (output,) = await documents(await a_world(), statuses=frozenset({Status.FAILED}))
    assert output["id"].startswith("log_")
    assert output["created_at"] == "2026-01-02T03:04:05Z"
    assert (output["encoding"], output["segments"]) == ("gsm7", 1)
    assert (output["receipt_at"], output["receipt_class"], output["receipt_code"]) == (None, None, None)
    assert (output["recipient"], output["reason"], output["error"]) == ("138****0007", "rejected", "blacklisted")
    assert "content" not in output


async def test_contents_are_the_texts_that_were_sent() -> None:
    world = await a_world()
    output = await documents(world, content=True)
    (book,) = world.providers
    assert {one["id"]: one["content"] for one in output} == {id_: text.text for id_, text in book.texts.items()}
    assert output[9]["content"] == "Hello n09 of Beijing"
    assert "Hello n00 of Beijing" in await printed(world, content=True)


async def test_more_deliveries_than_a_page_are_read_page_by_page() -> None:
    output = await documents(await a_world(), limit=8, page_size=3)
    assert [one["reference"] for one in output] == [f"o-{n:02d}" for n in range(8)]


async def test_a_content_of_several_lines_is_one_line_of_the_table() -> None:
    world = World()
    await world.expand(world.record(GOOD[0], content="Hello,\r\n\nyour code\tis 1"))
    assert "Hello,  your code?is 1" in await printed(world, content=True)


async def test_pending_deliveries_are_shown_with_their_content() -> None:
    world = World()
    await world.expand(world.record({"to": GOOD[0], "variables": {"name": "Li"}}, content="Hi {{name}}"))
    (output,) = await documents(world, content=True)
    assert (output["status"], output["content"]) == ("pending", "Hi Li")


async def test_a_delivery_that_waits_for_a_retry_shows_reason_provider_attempts_and_next_try() -> None:
    world = World(RecordingProvider(answers=lambda *_: Retry(Reason.RATE_LIMITED, delay_seconds=60)))
    await world.expand(world.record({"to": GOOD[0], "reference": "o-00"}))
    assert "next try" not in await printed(world)
    await world.deliver_all()
    heading, line = (await printed(world)).splitlines()
    assert heading.endswith("next try (UTC)")
    assert line.split()[3:] == ["o-00", "pending", "rate_limited", "book", "0", "r1", "2026-01-02", "03:05:07"]
    (output,) = await documents(world)
    shown = {name: output[name] for name in ("status", "reason", "provider", "attempts", "next_attempt_at")}
    assert shown == {
        "status": "pending",
        "reason": "rate_limited",
        "provider": "book",
        "attempts": 0,
        "next_attempt_at": "2026-01-02T03:05:07.500000Z",
    }


async def test_a_delivery_that_could_not_be_rendered_has_no_content() -> None:
    world = World()
    await world.expand(world.record(GOOD[0], content="Hi {{name}}"))
    await world.deliver_all()
    (output,) = await documents(world, content=True)
    assert (output["reason"], output["content"]) == ("missing_variable", None)


@pytest.mark.parametrize("written", ["13800000003", "+86 138 0000 0003", "138-0000-0003"])
async def test_a_recipient_is_found_however_the_number_is_written(written: str) -> None:
    world = await a_world()
    hashes = address_hashes(written, None, world.sealer, "CN")
    assert [one["reference"] for one in await documents(world, hashes=hashes)] == ["o-03"]


def test_an_address_is_searched_with_every_key() -> None:
    sealer = Sealer([("k2", bytes(31) + b"2"), ("k1", bytes(32))])
    hashes = address_hashes("a@example.com", Channel.EMAIL, sealer, None)
    assert hashes == {sealer.hash(b"a@example.com", key) for key in ("k1", "k2")}


def test_an_address_is_searched_as_it_is_compared_and_as_older_versions_stored_it() -> None:
    sealer = Sealer([("k1", bytes(32))])
    hashes = address_hashes("Anna@Example.com", Channel.EMAIL, sealer, None)
    assert {sealer.hash(value, "k1") for value in (b"anna@example.com", b"Anna@example.com")} <= hashes


def test_an_empty_address_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="--recipient: must not be empty"):
        address_hashes("", None, Sealer([("k1", bytes(32))]), None)


async def test_an_empty_result_is_reported() -> None:
    assert await printed(await a_world(), reference="nobody's") == "no delivery matches\n"
    assert await printed(await a_world(), reference="nobody's", as_json=True) == ""


async def test_secret_values_are_masked_in_the_table_and_as_json() -> None:
    world = World()
    person = {"to": GOOD[0], "variables": {"code": "864209"}}
    await world.expand(world.record(person, content="Code {{code}}", secret_variables=["code"]))
    for _ in range(2):  # pending, then sent
        assert "Code ***" in await printed(world, content=True)
        assert [document["content"] for document in await documents(world, content=True)] == ["Code ***"]
        await world.deliver_all()
