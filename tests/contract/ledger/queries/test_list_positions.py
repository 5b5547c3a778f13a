"""Reading the items after a position, while more requests are accepted."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.ports import Ledger
from ledger.queries import ListPosition, LogQuery, RequestQuery, position_of_log, position_of_request
from schemas.statuses import Status
from tests.contract.ledger.steps import a_request, claim_token, described, find, list_lines
from tests.support.builders import ACCEPTED_AT, TENANT, a_chunk, a_head, a_key, a_log, a_part

FAR = ACCEPTED_AT + timedelta(days=1)


async def some_deliveries(ledger: Ledger) -> None:
    """Write three requests, two with the same time, each with deliveries with and without a log."""
    for hours, name in ((0, "old"), (1, "new"), (1, "newer")):
        head = a_head(name, accepted_at=ACCEPTED_AT + timedelta(hours=hours))
        chunks = [a_chunk(name, size=3), a_chunk(name, size=2, first=3), a_chunk(name, part=1, size=1)]
        await a_request(ledger, head, *chunks)
        await claim_token(ledger, chunks[0])
        await ledger.logs.insert_or_get([a_log(name, index, accepted_at=head.accepted_at) for index in (0, 2)])


async def walked(ledger: Ledger, page_size: int, **conditions: object) -> list[str]:
    """Return all deliveries of a query, read page by page, each after the position of the last item."""
    found: list[str] = []
    after: ListPosition | None = None
    for _ in range(100):
        page = await find(ledger, page_size=page_size, after=after, count_limit=0, **conditions)
        found += map(described, page.items)
        if not page.has_more:
            return found
        after = position_of_log(page.items[-1])
    raise AssertionError("it never ends")


@pytest.mark.parametrize("page_size", [1, 2, 5, 6, 100])
async def test_reading_on_gives_every_delivery_once_and_in_order(ledger: Ledger, page_size: int) -> None:
    await some_deliveries(ledger)

    whole = await list_lines(ledger)

    assert len(whole) == 18
    assert await walked(ledger, page_size) == whole
    assert await walked(ledger, page_size, key=a_key("new")) == await list_lines(ledger, key=a_key("new"))
    bounds = {"accepted_from": ACCEPTED_AT, "accepted_before": ACCEPTED_AT + timedelta(minutes=1)}
    assert await walked(ledger, page_size, **bounds) == await list_lines(ledger, **bounds)


async def test_requests_of_many_chunks_are_read_in_the_same_order_as_small_ones(ledger: Ledger) -> None:
    chunks = [a_chunk("large", size=1, first=first) for first in range(65)]
    await a_request(ledger, a_head("large", accepted_at=FAR), *chunks)
    for name in ("small", "smaller"):
        await a_request(ledger, a_head(name), a_chunk(name, size=1))

    whole = await list_lines(ledger)

    assert whole[:65] == [f"large 0.{index} pending" for index in range(65)]
    assert len(whole) == 67
    assert await walked(ledger, 30) == whole


async def test_what_is_accepted_meanwhile_moves_nothing(ledger: Ledger) -> None:
    await some_deliveries(ledger)
    whole = await list_lines(ledger)
    first = await find(ledger, page_size=4)
    await a_request(ledger, a_head("newest", accepted_at=FAR), a_chunk("newest"))

    rest = await find(ledger, page_size=100, after=position_of_log(first.items[-1]))

    assert [described(log) for log in rest.items] == whole[4:]
    assert rest.total == 18 + 3


async def test_the_last_page_says_that_nothing_follows(ledger: Ledger) -> None:
    await some_deliveries(ledger)

    assert [(await find(ledger, page=page, page_size=6)).has_more for page in (1, 2, 3, 4)] == [
        True,
        True,
        False,
        False,
    ]


async def test_a_place_of_another_list_is_only_a_place(ledger: Ledger) -> None:
    await some_deliveries(ledger)
    nowhere = [
        ListPosition(FAR, ""),
        ListPosition(ACCEPTED_AT - timedelta(days=1), "log_"),
        ListPosition(ACCEPTED_AT, "~"),
    ]

    found = [await find(ledger, after=place, key=a_key("old"), page_size=100) for place in nowhere]

    assert [len(page.items) for page in found] == [6, 0, 0]


@pytest.mark.parametrize(("most", "expected"), [(0, 0), (1, 1), (4, 4), (6, 6), (7, 6), (None, 6)])
async def test_counting_stops_where_it_is_told_to(ledger: Ledger, most: int | None, expected: int) -> None:
    await ledger.logs.insert_or_get([a_log(index=index) for index in range(6)])
    for number in range(6):
        await ledger.requests.register_part(a_head(f"r{number}"), a_part())

    logs = await find(ledger, count_limit=most, page_size=2, statuses=frozenset({Status.SENT}))
    requests = await ledger.requests.find_page(RequestQuery(TENANT, page_size=2, count_limit=most))

    for page in (logs, requests):
        assert len(page.items) == 2
        assert (page.total, page.total_is_exact) == (expected, most is None or most > 6)


async def test_one_delivery_is_found_by_its_id(ledger: Ledger) -> None:
    await some_deliveries(ledger)
    everything = (await find(ledger, page_size=100)).items

    assert [await ledger.logs.get(TENANT, log.id) for log in everything] == list(everything)


@pytest.mark.parametrize("place", [(0, 5), (1, 1), (2, 0)])
async def test_a_position_that_the_request_lacks_is_not_found(ledger: Ledger, place: tuple[int, int]) -> None:
    await some_deliveries(ledger)

    assert await ledger.logs.get(TENANT, a_log("new", place[1], part=place[0]).id) is None


async def test_anothers_delivery_is_not_found(ledger: Ledger) -> None:
    await some_deliveries(ledger)
    for index in (0, 1):  # one with a log, one without
        log_id = a_log("new", index).id
        assert await ledger.logs.get(TENANT, log_id, "usr_test") is not None
        assert await ledger.logs.get("another", log_id) is None
        assert await ledger.logs.get(TENANT, log_id, "usr_other") is None


async def requests_of(ledger: Ledger, page_size: int, **conditions: object) -> list[str]:
    found: list[str] = []
    after: ListPosition | None = None
    while True:
        query = RequestQuery(**{"tenant_id": TENANT, "page_size": page_size, "after": after, **conditions})  # type: ignore[arg-type]
        page = await ledger.requests.find_page(query)
        found += [request.header.request_id for request in page.items]
        if not page.has_more:
            return found
        after = position_of_request(page.items[-1])


async def some_requests(ledger: Ledger, names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        accepted_at = ACCEPTED_AT + timedelta(hours=number // 2)
        head = a_head(name, accepted_at=accepted_at, user_id=f"usr_{number % 2}")
        await ledger.requests.register_part(head, a_part())
    await ledger.requests.register_part(a_head("foreign", tenant_id="another"), a_part())


@pytest.mark.parametrize("page_size", [1, 2, 3, 10])
async def test_requests_come_newest_first_and_by_key(ledger: Ledger, page_size: int) -> None:
    names = [*sorted("ab", key=a_key), *sorted("cd", key=a_key), "e"]
    await some_requests(ledger, names)

    assert await requests_of(ledger, page_size) == ["e", *names[2:4], *names[0:2]]
    assert await requests_of(ledger, page_size, user_id="usr_1") == [names[3], names[1]]


async def test_requests_are_paged_and_counted(ledger: Ledger) -> None:
    await some_requests(ledger, "abcde")

    pages = [await ledger.requests.find_page(RequestQuery(TENANT, page=page, page_size=2)) for page in (1, 2, 3)]

    assert [len(page.items) for page in pages] == [2, 2, 1]
    assert [page.has_more for page in pages] == [True, True, False]
    assert {page.total for page in pages} == {5}
    assert {request.header.sealed_text for page in pages for request in page.items} == {b""}, "lists show no text"


async def test_standing_requests_and_what_is_sealed_of_chunks(ledger: Ledger) -> None:
    await a_request(ledger, a_head("a"), a_chunk("a"))

    found = await ledger.requests.get_many([a_key("a"), a_key("b")])

    assert [request.header.request_id for request in found.values()] == ["a"]
    assert await ledger.chunks.get_sealed([a_chunk("a").id, a_chunk("b").id]) == {a_chunk("a").id: b"sealed recipients"}


async def test_headers_are_read_without_texts(ledger: Ledger) -> None:
    head = a_head("a", reply_topic="replies", correlation_id="c", sealed_secrets=b"sealed secrets")
    await a_request(ledger, head, a_chunk("a"))

    found = await ledger.requests.get_headers([a_key("a"), a_key("b")])

    assert found == {head.key: replace(head, sealed_text=b"", sealed_secrets=None)}


def test_a_place_precedes_what_is_older_or_of_its_moment_with_a_higher_id() -> None:
    query = LogQuery(TENANT, after=ListPosition(ACCEPTED_AT, "b"))

    assert query.after is not None
    assert query.after.comes_before(ListPosition(ACCEPTED_AT, "c"))
    assert query.after.comes_before(ListPosition(ACCEPTED_AT - timedelta(1), "a"))
    assert not query.after.comes_before(query.after)
    assert not query.after.comes_before(ListPosition(FAR, "c"))
