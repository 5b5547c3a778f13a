"""Parts and repeats: whatever comes twice changes nothing, what contradicts is refused, what never comes is said."""

from collections.abc import Iterator
from typing import Any

import pytest

from core.ids import request_key
from devstack import Stack
from schemas.results import DeliveryEvent, RequestAccepted, RequestCompleted, RequestRejected
from tests.e2e.caller import Reader, Results, publish, reading
from tests.e2e.reconciliation import assert_balanced, roll
from tests.e2e.sample_recipients import TENANT, a_request
from tests.support.deployment import Deployment, Document, a_deployment


@pytest.fixture(scope="module")
def deployment(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A missing part is waited for two seconds, counted from when the sweeper first looks."""
    with (
        a_deployment(stack, tmp_path_factory.mktemp("parts"), CHUNK_SIZE=10, PART_TIMEOUT_SECONDS=2) as deployment,
        deployment.service("consumer"),
    ):
        yield deployment


def a_part(request: dict[str, Any], number: int, *recipients: str, last: bool = False) -> dict[str, Any]:
    return request | {"recipients": list(recipients), "part": number, "last": last, "content": "Hello"}


def numbers(first: int, count: int) -> list[str]:
    return [f"139000{index:05d}" for index in range(first, first + count)]


async def hand_in(deployment: Deployment, *parts: dict[str, Any]) -> None:
    await publish(deployment.bootstrap, deployment.topics.requests, *parts, key=parts[0]["request_id"])


async def handled(deployment: Deployment, results: Results, key: str) -> None:
    """Wait until all that lies in the partitions of this key is handled: one more request behind it completes."""
    for topic in (deployment.topics.requests, deployment.topics.requests_express):
        another = a_part(a_request([]), 0, "13900099999", last=True)
        await publish(deployment.bootstrap, topic, another, key=key)
        await results.completed(another["request_id"])


def stored(deployment: Deployment, request_id: str) -> list[list[Document]]:
    """All that the ledger holds of a request, but for when the sweeper looked at it."""
    key = request_key(TENANT, request_id)
    requests = deployment.database["requests"].find({"_id": key}, {"looked_at": False})
    chunks, logs = deployment.chunks(request=key), roll(deployment, request_id).values()
    return [[*requests], [*chunks], [*logs]]


async def test_the_same_request_again_changes_nothing(deployment: Deployment) -> None:
    request = a_part(a_request([]), 0, *numbers(0, 35), last=True)
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        await hand_in(deployment, request)
        completed = await results.completed(request["request_id"])
        await assert_balanced(deployment, results, completed, total=35)
        before = stored(deployment, request["request_id"])
        await hand_in(deployment, request, request | {"accepted_at": "2026-01-02T03:04:05Z"})
        await publish(deployment.bootstrap, deployment.topics.requests_express, request, key=request["request_id"])
        await handled(deployment, results, request["request_id"])
        assert stored(deployment, request["request_id"]) == before
        assert len(results.of(DeliveryEvent, request["request_id"])) == 35
        assert not results.of(RequestRejected, request["request_id"])


@pytest.mark.parametrize(
    "change",
    [
        {"recipients": ["13900000001"]},
        {"content": "Goodbye"},
        {"variables": {"code": "1"}},
        {"on_uncertain": "resend"},
        {"user_id": None},
        {"last": False},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_the_same_request_id_with_another_body_is_refused(deployment: Deployment, change: dict[str, Any]) -> None:
    request = a_part(a_request([]), 0, "13900000000", last=True)
    async with (
        reading(deployment.bootstrap, Results(deployment.topics.results)) as results,
        reading(deployment.bootstrap, Reader(deployment.topics.dead_letters)) as letters,
    ):
        await hand_in(deployment, request)
        await results.completed(request["request_id"])
        await hand_in(deployment, request | change)
        rejected = await results.rejected(request["request_id"])
        assert (rejected.reason, rejected.part) == ("request_conflict", 0)
        assert len(roll(deployment, request["request_id"])) == 1
        assert ("reason", b"request_conflict") in letters.records[-1].headers


async def test_another_tenant_may_use_the_same_request_id(deployment: Deployment) -> None:
    request = a_part(a_request([]), 0, "13900000000", last=True)
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        await hand_in(deployment, request, request | {"tenant_id": "tnt_other"})
        await handled(deployment, results, request["request_id"])
        events = results.of(RequestCompleted, request["request_id"])
    assert {event.tenant_id for event in events} == {TENANT, "tnt_other"}


async def test_a_request_without_an_id_gets_one_from_where_it_stands(deployment: Deployment) -> None:
    request = a_part(a_request([]), 0, "13900000000", last=True) | {"request_id": None, "user_id": "usr_bare"}
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        await publish(deployment.bootstrap, deployment.topics.requests, request, request, key="bare")
        await handled(deployment, results, "bare")
    logs = list(deployment.database["communication_logs"].find({"user_id": "usr_bare"}))
    assert len({log["request_id"] for log in logs}) == len(logs) == 2


async def test_parts_are_one_request_and_an_address_in_two_of_them_is_sent_to_once(deployment: Deployment) -> None:
    request = a_request([])
    parts = [
        a_part(request, 0, *numbers(0, 25)),
        a_part(request, 1, *numbers(20, 25), "+86 139 0000 0000"),
        a_part(request, 2, *numbers(40, 25), "no number", "no number", last=True),
    ]
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        await hand_in(deployment, *parts)
        completed = await results.completed(request["request_id"])
        await assert_balanced(deployment, results, completed, total=78)
        accepted = results.of(RequestAccepted, request["request_id"])
    assert completed.by_status == {"sent": 65, "suppressed": 11, "failed": 2}
    assert completed.by_reason == {"duplicate": 11, "invalid_recipient": 2}
    assert sorted((event.part, event.recipients) for event in accepted) == [(0, 25), (1, 26), (2, 27)]
    twice = {at for at, log in roll(deployment, request["request_id"]).items() if log.get("reason") == "duplicate"}
    assert twice == {(1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (1, 25), (2, 0), (2, 1), (2, 2), (2, 3), (2, 4)}


async def test_a_part_that_comes_twice_is_counted_once(deployment: Deployment) -> None:
    request = a_request([])
    first, last = a_part(request, 0, *numbers(0, 15)), a_part(request, 1, *numbers(15, 15), last=True)
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        await hand_in(deployment, first, first, last, last, first)
        await handled(deployment, results, request["request_id"])
        completed = await results.completed(request["request_id"])
        await assert_balanced(deployment, results, completed, total=30)
        assert not results.of(RequestRejected, request["request_id"])


@pytest.mark.parametrize("last", [True, False])
async def test_a_part_after_the_last_one_is_refused(deployment: Deployment, *, last: bool) -> None:
    request = a_request([])
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        await hand_in(
            deployment,
            a_part(request, 0, *numbers(0, 15)),
            a_part(request, 1, *numbers(15, 15), last=True),
            a_part(request, 2, *numbers(30, 15), last=last),
        )
        rejected = await results.rejected(request["request_id"])
        assert (rejected.reason, rejected.part, rejected.fields) == ("part_refused", 2, ["part"])
        completed = await results.completed(request["request_id"])
        await assert_balanced(deployment, results, completed, total=30)


async def test_a_request_whose_part_never_comes_is_closed_as_incomplete_and_the_late_part_refused(
    deployment: Deployment,
) -> None:
    request = a_request([])
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        await hand_in(deployment, a_part(request, 0, *numbers(0, 15)), a_part(request, 2, *numbers(30, 15), last=True))
        completed = await results.completed(request["request_id"])
        assert (completed.incomplete, completed.total, completed.by_status) == (True, 30, {"sent": 30})
        late = a_part(request, 1, *numbers(15, 15))
        await hand_in(deployment, late)
        rejected = await results.rejected(request["request_id"])
        assert (rejected.reason, rejected.part, rejected.fields) == ("part_refused", 1, ["part"])
        await handled(deployment, results, request["request_id"])
        assert len(roll(deployment, request["request_id"])) == 30
        assert len(results.of(RequestCompleted, request["request_id"])) == 1
