"""Indexes and examined documents of the queries of a page, as the profiler of MongoDB reports them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase
from pymongo import MongoClient

from core.ids import RequestKey, log_bounds, log_id
from ledger.audit_port import AuditAction, AuditEntry
from ledger.erasure_port import Erasure, ErasureTarget
from ledger.models import Log
from ledger.mongo import MongoLedger
from ledger.mongo.log_documents import log_document
from ledger.queries import ListPosition, LogQuery, RequestQuery, position_of_log, position_of_request
from ledger.tenant_port import StoredProvider, StoredTenantKey
from schemas.statuses import Channel, Status
from tests.support.builders import (
    ACCEPTED_AT,
    TENANT,
    a_chunk,
    a_hash,
    a_head,
    a_key,
    a_log,
    a_part,
    moved,
    some_counts,
)

REQUESTS, EACH, PAGE = 40, 50, 20
COUNT = 100
"""Limit of the count in these tests."""
ALL = REQUESTS * EACH
ENOUGH = 3 * PAGE + 2 * COUNT
"""Maximum number of documents and keys that one find and one count may examine. A tenant has ten times as many."""
A_FEW = 10
"""Number of documents that may be sorted: the deliveries to one recipient with the same time."""

Database = AsyncIOMotorDatabase[dict[str, Any]]


@pytest.fixture(scope="module")
def database_name(mongo_url: str) -> Iterator[str]:
    name = f"profiled_{uuid4().hex[:12]}"
    yield name
    with MongoClient[dict[str, Any]](mongo_url) as client:
        client.drop_database(name)


@pytest.fixture
async def database(mongo_url: str, database_name: str) -> AsyncIterator[Database]:
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(mongo_url)
    yield client[database_name]
    client.close()


@pytest.fixture
async def ledger(mongo_url: str, database_name: str, database: Database) -> AsyncIterator[MongoLedger]:
    ledger = await MongoLedger.connect(mongo_url, database_name)
    if await ledger.setup():
        await fill(ledger, database)
    yield ledger
    await ledger.aclose()


async def fill(ledger: MongoLedger, database: Database) -> None:
    """Write a tenant with 2,000 logs in 40 requests of ten users, a second tenant, and open requests."""
    logs = []
    for number in range(REQUESTS):
        for tenant in (TENANT, "tnt_other"):
            head = a_head(f"r{number}", tenant_id=tenant, user_id=f"u{number % 10}", accepted_at=when(number))
            await ledger.requests.register_part(head, a_part(size=EACH))
            await ledger.requests.mark_part_expanded(head.key, 0)
            await ledger.requests.complete(head.key, some_counts(sent=EACH))
            await ledger.requests.mark_completion_published(head.key)
            logs += [a_log_of(number, index, tenant) for index in range(EACH)]
    await database["communication_logs"].insert_many(map(log_document, logs))
    for number in range(5):
        await ledger.requests.register_part(a_head(f"open{number}", accepted_at=when(number)), a_part())
        await ledger.chunks.insert(a_chunk(f"open{number}"))


def when(number: int) -> datetime:
    return ACCEPTED_AT + timedelta(minutes=number // 2)


def a_log_of(number: int, index: int, tenant: str) -> Log:
    return a_log(
        f"r{number}",
        index,
        tenant_id=tenant,
        user_id=f"u{number % 10}",
        name=f"recipient {(number * EACH + index) % 200}",
        reference=f"ref {index}" if index % 2 else None,
        accepted_at=when(number),
    )


async def profile(database: Database, work: Callable[[], Awaitable[Any]]) -> list[dict[str, Any]]:
    """Return the operations of MongoDB during the call, from its profiler."""
    await database.command("profile", 0)
    await database.drop_collection("system.profile")
    await database.command("profile", 2)
    await work()
    await database.command("profile", 0)
    found: list[dict[str, Any]] = (
        await database["system.profile"].find({"op": {"$in": ["query", "command"]}}).to_list(None)
    )
    return [one for one in found if "planSummary" in one]


def assert_bounded(operations: list[dict[str, Any]], enough: int = ENOUGH) -> None:
    assert operations
    for one in operations:
        assert "COLLSCAN" not in one["planSummary"], one["planSummary"]
        looked_at = max(one.get("docsExamined", 0), one.get("keysExamined", 0))
        assert looked_at <= A_FEW or not one.get("hasSortStage"), one["planSummary"]
        assert looked_at <= enough, (one["planSummary"], looked_at)


QUERIES = [
    pytest.param({}, id="tenant"),
    pytest.param({"user_id": "u3"}, id="user"),
    pytest.param({"key": a_key("r7")}, id="request"),
    pytest.param({"key": a_key("r7"), "user_id": "u7", "statuses": frozenset({Status.SENT})}, id="request and status"),
    pytest.param({"reference": "ref 7"}, id="reference"),
    pytest.param({"reference": "ref 7", "user_id": "u3"}, id="reference of a user"),
    pytest.param({"recipient_hashes": frozenset({a_hash("recipient 7"), a_hash("nobody")})}, id="recipient"),
    pytest.param({"recipient_hashes": frozenset({a_hash("recipient 7")}), "user_id": "u4"}, id="recipient of a user"),
    pytest.param({"accepted_from": when(10), "accepted_before": when(20)}, id="times"),
    pytest.param({"statuses": frozenset({Status.PENDING})}, id="pending"),
    pytest.param({"statuses": frozenset({Status.SENT})}, id="sent"),
]


async def test_the_tenants_of_a_recipient_are_found_by_an_index_that_begins_with_the_tenant(
    ledger: MongoLedger, database: Database
) -> None:
    names = ["recipient 7", "nobody"]
    operations = await profile(database, lambda: ledger.logs.find_tenants("first", [a_hash(name) for name in names]))

    assert [one["planSummary"].split()[0] for one in operations] == ["DISTINCT_SCAN", "IXSCAN"]
    assert_bounded(operations, 2 * REQUESTS * EACH // 200 + A_FEW)


@pytest.mark.parametrize("conditions", QUERIES)
async def test_a_page_of_deliveries_reads_what_it_shows(
    ledger: MongoLedger, database: Database, conditions: dict[str, Any]
) -> None:
    query = LogQuery(TENANT, page_size=PAGE, count_limit=COUNT, **conditions)

    operations = await profile(database, lambda: ledger.logs.find(query))

    assert_bounded(operations)


@pytest.mark.parametrize("conditions", [one for one in QUERIES if one.id != "pending"])
@pytest.mark.parametrize("share", [0.3, 0.9])
async def test_reading_on_costs_the_same_wherever_one_is(
    ledger: MongoLedger, database: Database, conditions: dict[str, Any], share: float
) -> None:
    whole = await ledger.logs.find(LogQuery(TENANT, page_size=ALL + 100, **conditions))
    after = position_of_log(whole.items[int(len(whole.items) * share)])
    query = LogQuery(TENANT, page_size=PAGE, count_limit=0, after=after, **conditions)

    operations = await profile(database, lambda: ledger.logs.find(query))

    # At most two ranges of the index, each with the page and one more item. A user is filtered among the few
    # documents of a reference.
    assert_bounded(operations, 2 * (PAGE + 1) + 20)


async def test_a_moment_that_holds_thousands_is_not_read_again_for_each_page(
    ledger: MongoLedger, database: Database
) -> None:
    after = ListPosition(when(20), log_id(RequestKey(max(a_key("r20"), a_key("r21"))), 0, EACH - 10))

    operations = await profile(
        database, lambda: ledger.logs.find(LogQuery(TENANT, page_size=5, count_limit=0, after=after))
    )

    assert_bounded(operations, 10)


async def test_a_report_reads_only_chunks_with_misses_and_deliveries_that_others_repeat(
    ledger: MongoLedger, database: Database
) -> None:
    key = a_key("r7")
    ranges = [log_bounds(key, 0, first, 5) for first in (10, 30)]

    assert_bounded(await profile(database, lambda: ledger.logs.find_first(ranges, {Status.SENT}, 50)), 5)
    assert_bounded(await profile(database, lambda: ledger.logs.count_resends(key)), 1)


async def test_the_moves_of_a_request_are_counted_by_index_entries_alone(
    ledger: MongoLedger, database: Database
) -> None:
    logs = [a_log_of(9, index, TENANT) for index in range(EACH)]
    ways = [Status.DELIVERED, Status.DELIVERED, Status.FAILED]
    await ledger.logs.settle([(log, moved(log, ways[at % 3])) for at, log in enumerate(logs[: EACH - 2])])

    counting = await profile(database, lambda: ledger.logs.count_moves(a_key("r9")))
    finding = await profile(database, lambda: ledger.logs.find_moved(a_key("r9"), {Status.FAILED}, 5))
    nothing = await profile(database, lambda: ledger.logs.count_moves(a_key("r8")))

    plans = [one["planSummary"].split()[0] for one in counting]
    assert plans == ["DISTINCT_SCAN", "COUNT_SCAN", "COUNT_SCAN"]
    assert [one["docsExamined"] for one in counting] == [0, 0, 0]
    assert sum(one["keysExamined"] for one in counting) <= EACH + 10
    assert_bounded(finding, 6)
    assert_bounded(nothing, 1)


async def test_a_receipt_is_matched_by_an_index_of_message_ids(ledger: MongoLedger, database: Database) -> None:
    logs = [a_log("matched", index, provider_message_id=f"m{index // 2}") for index in range(10)]
    await ledger.logs.insert_or_get(logs)
    hashes = [logs[2].recipient_hash]

    assert_bounded(await profile(database, lambda: ledger.logs.find_by_message_ids(["m1", "none"], 9)), 4)
    both = lambda: ledger.logs.find_by_message_ids_and_hashes(["m1"], hashes, 9)  # noqa: E731
    assert_bounded(await profile(database, both), 3)


@pytest.mark.parametrize("user", [None, "u3"])
@pytest.mark.parametrize("share", [None, 0.5])
async def test_a_page_of_requests_reads_what_it_shows(
    ledger: MongoLedger, database: Database, user: str | None, share: float | None
) -> None:
    whole = await ledger.requests.find_page(RequestQuery(TENANT, user, page_size=100))
    after = None if share is None else position_of_request(whole.items[int(len(whole.items) * share)])
    query = RequestQuery(TENANT, user, after, page_size=3, count_limit=4)

    operations = await profile(database, lambda: ledger.requests.find_page(query))

    assert_bounded(operations, 5)


@pytest.mark.parametrize(("name", "most"), [("r7", 1), ("open1", 1), ("unknown", 0)])
async def test_one_delivery_is_one_lookup_a_collection(
    ledger: MongoLedger, database: Database, name: str, most: int
) -> None:
    operations = await profile(database, lambda: ledger.logs.get(TENANT, a_log(name, 1).id))

    assert_bounded(operations, most)


async def test_anothers_delivery_is_looked_for_as_an_unknown_one(ledger: MongoLedger, database: Database) -> None:
    theirs = await profile(database, lambda: ledger.logs.get("tnt_third", a_log("r7", 1).id))
    nobodys = await profile(database, lambda: ledger.logs.get("tnt_third", a_log("unknown", 1).id))

    assert [one["planSummary"] for one in theirs] == [one["planSummary"] for one in nobodys]


async def test_the_tenant_of_a_provider_is_one_lookup(ledger: MongoLedger, database: Database) -> None:
    own = StoredProvider("prv_0", "acme", Channel.SMS, 5, True, 1, b"sealed", ACCEPTED_AT, ACCEPTED_AT)
    for number in range(10):
        providers = [own._replace(id=f"prv_{number}{index}") for index in range(3)]
        await ledger.tenants.put_providers(f"tnt_{number}", providers, 0)

    assert_bounded(await profile(database, lambda: ledger.tenants.find_provider("prv_71")), 1)
    assert_bounded(await profile(database, lambda: ledger.tenants.find_provider("prv_none")), 0)


async def test_the_tenant_of_a_key_is_one_lookup(ledger: MongoLedger, database: Database) -> None:
    for number in range(10):
        await ledger.tenants.put_key(f"tnt_{number}", StoredTenantKey(f"8xk{number}", b"sealed", ACCEPTED_AT), 0)

    assert_bounded(await profile(database, lambda: ledger.tenants.find_by_key("8xk7")), 1)
    assert_bounded(await profile(database, lambda: ledger.tenants.find_by_key("none")), 0)


async def test_what_is_past_its_time_is_found_by_an_index(ledger: MongoLedger, database: Database) -> None:
    async def both() -> None:
        await ledger.retention.erase(after=timedelta(days=1), limit=10)
        await ledger.retention.delete(after=timedelta(days=1), limit=10)

    operations = await profile(database, both)

    assert len(operations) == 2
    assert_bounded(operations, 1)


async def test_a_window_reads_only_the_orders_since_its_request(ledger: MongoLedger, database: Database) -> None:
    for number in range(60):
        at = when(number)
        await ledger.erasures.start(Erasure(f"e{number}", TENANT, at, ErasureTarget(f"u{number}"), f"a{number}", at))
    since = when(58)

    assert_bounded(await profile(database, lambda: ledger.erasures.find_since(TENANT, since, 1_000)), 3)
    assert_bounded(await profile(database, lambda: ledger.erasures.find_since(TENANT, when(900), 1_000)), 1)


async def test_the_audit_log_reads_what_it_shows(ledger: MongoLedger, database: Database) -> None:
    for number in range(60):
        entry = AuditEntry(f"a{number}", TENANT, AuditAction.ERASE, "usr_1", "uA", when(number))
        await ledger.audit.add(entry)

    assert_bounded(await profile(database, lambda: ledger.audit.list(TENANT, 5, when(40))), 5)
