"""Suppressions: entries of addresses, added and removed by compare-and-set."""

import asyncio
from datetime import UTC, datetime, timedelta

from core.ids import suppression_ids, suppression_range
from core.suppressions import SuppressionEntry
from ledger.mongo.suppression_store import MAX_TRIES
from ledger.ports import Ledger
from ledger.suppression_port import MAX_ENTRIES, Addition, NewSuppression, StoredSuppression
from schemas.statuses import Channel, SuppressionReason
from tests.contract.ledger.documents.stored import Documents

SINCE = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
OPTED_OUT = SuppressionEntry(SuppressionReason.OPTED_OUT, "list:weekly.news", "api", SINCE)
BOUNCED = SuppressionEntry(SuppressionReason.BOUNCED, "all", "receipt", SINCE)


def an_id(name: str = "a", *, key_id: str = "k" * 16, channel: Channel = Channel.EMAIL) -> str:
    (suppression,) = suppression_ids(key_id, channel, [name[:1].encode() * 16])
    return suppression


def new(entry: SuppressionEntry = OPTED_OUT, name: str = "a") -> NewSuppression:
    return NewSuppression(an_id(name), f"sealed {name}".encode(), entry)


async def entries(ledger: Ledger, name: str = "a") -> tuple[SuppressionEntry, ...]:
    return (await ledger.suppressions.find([an_id(name)])).get(an_id(name), ())


async def test_an_address_without_entries_is_not_found(ledger: Ledger) -> None:
    assert await ledger.suppressions.find([an_id(), an_id("b")]) == {}
    assert await ledger.suppressions.get(an_id()) is None
    assert await ledger.suppressions.remove(an_id(), None, None) == 0


async def test_entries_are_read_back(ledger: Ledger) -> None:
    until = SuppressionEntry(SuppressionReason.MANUAL, "all", "cli", SINCE, SINCE + timedelta(days=9_000))

    assert await ledger.suppressions.add([new(), new(until), new(BOUNCED, "b")]) == [Addition.ADDED] * 3

    assert await ledger.suppressions.get(an_id()) == StoredSuppression(an_id(), b"sealed a", (OPTED_OUT, until))
    found = await ledger.suppressions.find([an_id(), an_id("b"), an_id("c")])
    assert found == {an_id(): (OPTED_OUT, until), an_id("b"): (BOUNCED,)}


async def test_each_of_many_look_ups_at_once_finds_its_own_addresses(ledger: Ledger) -> None:
    await ledger.suppressions.add([new(OPTED_OUT, name) for name in "aceg"])
    asked = [[an_id("a"), an_id("b")], [an_id("b")], [], [an_id("a"), an_id("c")], [an_id("g"), an_id("h")]]

    found = await asyncio.gather(*map(ledger.suppressions.find, asked))

    assert [list(each) for each in found] == [[an_id("a")], [], [], [an_id("a"), an_id("c")], [an_id("g")]]


async def test_a_second_addition_changes_nothing(ledger: Ledger) -> None:
    await ledger.suppressions.add([new()])
    again = OPTED_OUT._replace(source="other", since=SINCE + timedelta(days=1))

    assert await ledger.suppressions.add([new(again), new(BOUNCED)]) == [Addition.UNCHANGED, Addition.ADDED]
    assert await entries(ledger) == (OPTED_OUT, BOUNCED)


async def test_an_entry_may_end_later_but_not_sooner(ledger: Ledger) -> None:
    soon, later = SINCE + timedelta(days=9_000), SINCE + timedelta(days=9_001)
    answers = []
    for until in (soon, later, soon, None, later):
        answers += await ledger.suppressions.add([new(BOUNCED._replace(until=until))])

    added, unchanged = Addition.ADDED, Addition.UNCHANGED
    assert answers == [added, added, unchanged, added, unchanged]
    assert await entries(ledger) == (BOUNCED,)


async def test_an_entry_that_has_ended_is_replaced(ledger: Ledger) -> None:
    await ledger.suppressions.add([new(BOUNCED._replace(until=SINCE))])
    newer = BOUNCED._replace(since=SINCE + timedelta(days=1), until=SINCE + timedelta(days=9_000))

    assert await ledger.suppressions.add([new(newer)]) == [Addition.ADDED]
    assert await entries(ledger) == (newer,)


async def test_an_address_has_a_bounded_number_of_entries_that_count(ledger: Ledger) -> None:
    lists = [OPTED_OUT._replace(scope=f"list:{number}") for number in range(MAX_ENTRIES)]
    ended = BOUNCED._replace(until=SINCE)
    assert set(await ledger.suppressions.add([new(each) for each in (ended, *lists)])) == {Addition.ADDED}

    assert await ledger.suppressions.add([new(BOUNCED), new(lists[7])]) == [Addition.FULL, Addition.UNCHANGED]
    assert await entries(ledger) == tuple(lists)


async def test_entries_are_removed_by_scope_and_reason(ledger: Ledger) -> None:
    everything = OPTED_OUT._replace(scope="all")
    await ledger.suppressions.add([new(), new(BOUNCED), new(everything)])

    assert await ledger.suppressions.remove(an_id(), "all", SuppressionReason.OPTED_OUT) == 1
    assert await entries(ledger) == (OPTED_OUT, BOUNCED)
    assert await ledger.suppressions.remove(an_id(), "all", None) == 1
    assert await ledger.suppressions.remove(an_id(), "all", None) == 0
    assert await ledger.suppressions.remove(an_id(), None, SuppressionReason.OPTED_OUT) == 1
    assert await ledger.suppressions.get(an_id()) is None


async def test_writers_at_once_lose_no_entry(ledger: Ledger) -> None:
    scopes = [f"list:{number}" for number in range(MAX_TRIES)]
    additions = [[new(OPTED_OUT._replace(scope=scope)), new(BOUNCED, "b")] for scope in scopes]

    await asyncio.gather(*map(ledger.suppressions.add, additions))

    assert sorted(each.scope for each in await entries(ledger)) == scopes
    assert await entries(ledger, "b") == (BOUNCED,)


async def test_a_removal_and_additions_at_once_keep_what_was_added_last(ledger: Ledger) -> None:
    for number in range(10):
        await ledger.suppressions.add([new(BOUNCED, f"{number}")])
        removed, _ = await asyncio.gather(
            ledger.suppressions.remove(an_id(f"{number}"), None, SuppressionReason.BOUNCED),
            ledger.suppressions.add([new(OPTED_OUT, f"{number}")]),
        )
        assert (removed, await entries(ledger, f"{number}")) == (1, (OPTED_OUT,))


async def test_the_addresses_of_a_tenant_and_channel_are_listed_in_pages(ledger: Ledger) -> None:
    ids = {an_id(name, channel=channel) for name in "abc" for channel in Channel}
    others = {an_id(key_id="j" * 16), an_id(key_id="l" * 16)}
    await ledger.suppressions.add([NewSuppression(each, b"sealed", BOUNCED) for each in ids | others])

    listed: list[str] = []
    after, before = suppression_range("k" * 16, None)
    while page := await ledger.suppressions.list_range(after, before, 4):
        listed += [each.id for each in page]
        after = listed[-1]
    of_sms = await ledger.suppressions.list_range(*suppression_range("k" * 16, Channel.SMS), 10)

    assert listed == sorted(ids)
    assert [each.id for each in of_sms] == sorted(an_id(name, channel=Channel.SMS) for name in "abc")


async def test_mongodb_deletes_an_address_only_if_all_its_entries_end(documents: Documents) -> None:
    suppressions = documents.ledger.suppressions
    end = SINCE + timedelta(days=9_000)
    await suppressions.add([new(BOUNCED._replace(until=end)), new(OPTED_OUT._replace(until=SINCE))])
    assert (await documents.only("suppressions"))["gone_at"] == end

    await suppressions.add([new(OPTED_OUT)])
    assert "gone_at" not in await documents.only("suppressions")

    await suppressions.remove(an_id(), None, SuppressionReason.OPTED_OUT)
    entry = {"reason": "bounced", "scope": "all", "source": "receipt", "since": SINCE, "until": end}
    stored = {"_id": an_id(), "sealed": b"sealed a", "entries": [entry], "gone_at": end}
    assert await documents.only("suppressions") == stored
