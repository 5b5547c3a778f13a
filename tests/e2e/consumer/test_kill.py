"""One of two consumers is killed in the middle: nothing is lost, and what is in doubt is known, and is little."""

import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from consumer.app import SWEEP_SLOTS
from core.ids import RequestKey, request_key
from devstack import Stack
from schemas.results import RequestCompleted
from tests.e2e.accounting import RecordingProviderProcess, an_accounting_provider
from tests.e2e.caller import Results, publish, reading
from tests.e2e.open_windows import log_ids_in, open_windows
from tests.e2e.reconciliation import assert_balanced, roll
from tests.e2e.sample_recipients import TENANT, a_request
from tests.support.deployment import Deployment, Service, a_deployment
from tests.support.polling import wait_until

PARTS = 4
IN_A_PART = 2_500
TOTAL = PARTS * IN_A_PART
"""Recipients of each of the two requests that one kill interrupts: twenty thousand together."""
WINDOW = 100
SLOTS = 8
MOST_IN_DOUBT = (SLOTS + SWEEP_SLOTS) * WINDOW

pytestmark = [pytest.mark.durable, pytest.mark.timeout(300)]


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[RecordingProviderProcess]:
    with an_accounting_provider(tmp_path) as provider:
        yield provider


@pytest.fixture
def deployment(stack: Stack, provider: RecordingProviderProcess, tmp_path: Path) -> Iterator[Deployment]:
    """A lease that ends soon, and is no shorter than twice the provider's time-out."""
    settings = {"LEASE_SECONDS": 10, "MAX_CHUNKS_IN_FLIGHT": SLOTS, "WINDOW_SIZE": WINDOW}
    with a_deployment(stack, tmp_path, PROVIDERS=[provider.entry], **settings) as deployment:
        yield deployment


def parts_of(request: dict[str, Any]) -> list[dict[str, Any]]:
    """One request for 10,000 in four records."""
    return [
        request | {"recipients": numbers(part), "part": part, "last": part == PARTS - 1, "content": "Hello"}
        for part in range(PARTS)
    ]


def numbers(part: int) -> list[str]:
    return [f"139{index:08d}" for index in range(part * IN_A_PART, (part + 1) * IN_A_PART)]


def caught(
    deployment: Deployment, provider: RecordingProviderProcess, keys: Iterable[RequestKey], victim: Service
) -> bool:
    """Stop it; whether of each request something was sent just now and not logged yet. If not, let it go on."""
    victim.child.signal(signal.SIGSTOP)
    taken = set(provider.accepted())
    for key in keys:
        sent = taken & log_ids_in(open_windows(deployment, [victim], key))
        if deployment.database["communication_logs"].count_documents({"_id": {"$in": [*sent]}}) == len(sent):
            victim.child.signal(signal.SIGCONT)
            return False
    return True


async def left_in_doubt(deployment: Deployment, key: RequestKey, victim: Service) -> set[str]:
    """Log ids of the deliveries whose windows were open when it died; nobody takes them over within the lease."""
    found = open_windows(deployment, [victim], key)

    def settled() -> bool:  # what it had sent last may still be on its way into MongoDB
        nonlocal found
        before, found = found, open_windows(deployment, [victim], key)
        return before == found

    await wait_until(settled)
    return log_ids_in(found)


async def test_a_kill_in_the_middle_of_twenty_thousand_loses_nobody(
    deployment: Deployment, provider: RecordingProviderProcess
) -> None:
    """10,000 for each policy, under one kill: Kafka gives the dead one's work away after 10 s, and not after 45 s."""
    deployment.env["ROLLCALL_KAFKA_SESSION_SECONDS"] = "10"
    requests = {policy: a_request([], on_uncertain=policy) for policy in ("mark_unknown", "resend")}
    keys = {policy: request_key(TENANT, request["request_id"]) for policy, request in requests.items()}
    completed: dict[str, RequestCompleted] = {}
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        with deployment.service("consumer"), deployment.service("consumer") as victim:
            for request in requests.values():
                await publish(
                    deployment.bootstrap, deployment.topics.requests, *parts_of(request), key=request["request_id"]
                )
            await wait_until(lambda: len(provider.accepted()) > TOTAL / 2)
            await wait_until(lambda: caught(deployment, provider, keys.values(), victim))
            victim.child.kill()
            in_doubt = {policy: await left_in_doubt(deployment, key, victim) for policy, key in keys.items()}
            assert len(provider.accepted()) < 2 * TOTAL
            for policy, request in requests.items():
                completed[policy] = await results.completed(request["request_id"], 200)
                await assert_balanced(deployment, results, completed[policy], total=TOTAL)
    assert sum(map(len, in_doubt.values())) <= MOST_IN_DOUBT
    assert_never_sent_again(deployment, provider, completed["mark_unknown"], in_doubt["mark_unknown"])
    assert_sent_again(deployment, provider, completed["resend"], in_doubt["resend"])


def assert_never_sent_again(
    deployment: Deployment, provider: RecordingProviderProcess, completed: RequestCompleted, in_doubt: set[str]
) -> None:
    """What was in doubt and has no log of its own is unknown; the provider saw nobody twice."""
    accepted, logs = accounts(deployment, provider, completed)
    sent, unknown = having(logs, "sent"), having(logs, "unknown")
    assert sent | unknown == logs.keys()
    assert sent <= accepted.keys() <= logs.keys()
    assert accepted.keys() - sent <= unknown <= in_doubt
    assert completed.by_reason == {"interrupted": len(unknown)}
    assert max(accepted.values()) == 1
    assert unknown, "the kill hit nothing that was under way"


def assert_sent_again(
    deployment: Deployment, provider: RecordingProviderProcess, completed: RequestCompleted, in_doubt: set[str]
) -> None:
    """Everybody was sent to; twice only who was in doubt."""
    accepted, logs = accounts(deployment, provider, completed)
    twice = {delivery_id for delivery_id, times in accepted.items() if times > 1}
    assert having(logs, "sent") == logs.keys() == accepted.keys()
    assert twice <= in_doubt
    assert max(accepted.values()) == 2, "the kill hit nothing that was under way"


def accounts(
    deployment: Deployment, provider: RecordingProviderProcess, completed: RequestCompleted
) -> tuple[Counter[str], dict[str, str]]:
    """How often the provider took each delivery of a request, and how the logs say that each ended."""
    logs = {log["_id"]: log["outcome"] for log in roll(deployment, completed.request_id).values()}
    prefix = f"log_{request_key(completed.tenant_id, completed.request_id)}"
    return Counter(taken for taken in provider.accepted() if taken.startswith(prefix)), logs


def having(logs: dict[str, str], outcome: str) -> set[str]:
    return {log_id for log_id, ended in logs.items() if ended == outcome}


async def test_who_comes_after_the_only_one_was_killed_does_not_wait_for_kafka(
    deployment: Deployment, provider: RecordingProviderProcess
) -> None:
    """Kafka gives the dead one's partitions away after 45 s; its chunk is taken over when its lease is over."""
    provider.misbehave("slow", seconds=0.5)
    request = a_request(numbers(0)[:300], on_uncertain="resend", content="Hello")
    key = request_key(TENANT, request["request_id"])
    with deployment.service("consumer") as victim:
        await publish(deployment.bootstrap, deployment.topics.requests_express, request, key=request["request_id"])
        await wait_until(lambda: open_windows(deployment, [victim], key) and provider.accepted())
        victim.child.kill()
    with deployment.service("consumer", ready=False) as heir:
        requests = deployment.database["requests"]
        await wait_until(lambda: requests.find_one({"_id": key, "completion": {"$ne": None}}), 40)
        assert "consumer is up" not in heir.said()
    sent = {"request_id": request["request_id"], "status": "sent"}
    assert deployment.database["communication_logs"].count_documents(sent) == 300
