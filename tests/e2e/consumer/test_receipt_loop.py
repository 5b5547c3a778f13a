"""From a request to `delivered`: real services, a real Kafka and MongoDB, and a simulator that calls back."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from cli.admin.development_token import issue_token
from cli.simulator.receipts.behaviour import ReceiptBehaviour
from cli.simulator.receipts.plan import ReceiptPlan
from cli.simulator.received import Delivery
from cli.simulator.signing.signed_call import ReceiptOutcome
from core.ids import log_id, request_key
from devstack import Stack
from devstack.processes import free_port
from devstack.services import await_ready, start_service
from schemas.statuses import Channel
from tests.e2e.caller import Results, publish, reading
from tests.e2e.sample_recipients import MARK, TENANT, a_request
from tests.support.deployment import Deployment, a_deployment
from tests.support.polling import wait_until
from tests.support.simulator import Simulator, a_simulator

SIZE = 60
PEOPLE = [f"{MARK}{index:02d}00" for index in range(SIZE)]
KEY = "k" * 32
ACCOUNT = "AC" + "0" * 32
SHARES = {"delivered_rate": 0.7, "undelivered_rate": 0.2, "receipt_delay_ms": 100, "receipt_jitter_ms": 500}
FAULTS = {
    "sent_receipt_rate": 0.3,
    "late_sent_rate": 0.3,
    "early_receipt_rate": 0.3,
    "repeated_receipt_rate": 0.3,
    "forged_receipt_rate": 0.3,
}
STATUSES = {ReceiptOutcome.DELIVERED: "delivered", ReceiptOutcome.UNDELIVERED: "failed"}
TWILIO = {"kind": "twilio", "account_sid": ACCOUNT, "auth_token": KEY}
GENERIC = {"kind": "simulator", "signing_key": KEY}

pytestmark = pytest.mark.durable


@dataclass
class Loop:
    """A deployment whose provider is a simulator that calls back to this port."""

    deployment: Deployment
    simulator: Simulator
    port: int

    @property
    def ids(self) -> list[str]:
        return [log_id(request_key(TENANT, self.request_id), 0, index) for index in range(SIZE)]

    def __post_init__(self) -> None:
        self.request_id = uuid4().hex

    @contextmanager
    def producer(self, **changes: str) -> Iterator[None]:
        """Run a producer at the port, ready or not."""
        env = {**self.deployment.env, "ROLLCALL_HTTP_PORT": str(self.port), **changes}
        log = self.deployment.folder / f"producer-{uuid4().hex}.log"
        with start_service(["rollcall", "producer"], env, log=log) as child:
            await_ready(child, f"http://127.0.0.1:{self.port}/healthz")
            yield

    async def send(self, results: Results) -> None:
        request = a_request(PEOPLE, content="Hello", request_id=self.request_id)
        await publish(self.deployment.bootstrap, self.deployment.topics.requests, request, key=self.request_id)
        await results.completed(self.request_id)

    def receipts(self) -> dict[str, int]:
        counts: dict[str, int] = self.simulator.taken()["receipts"]
        return counts

    def statuses(self) -> dict[str, str]:
        logs = self.deployment.database["communication_logs"].find({}, {"status": True})
        return {log["_id"]: log["status"] for log in logs}

    def counts(self) -> dict[str, int]:
        """Return the counts of the request by status, as the producer shows them."""
        secret = self.deployment.env["ROLLCALL_JWT_SECRET"]
        token = issue_token(secret, TENANT, "usr_1", ["communication:admin"], 600)
        url = f"http://127.0.0.1:{self.port}/communication/requests/{self.request_id}"
        answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=30)
        by_status: dict[str, int] = answer.json()["by_status"]
        return by_status

    def report(self) -> dict[str, int]:
        """Return the counts by status of `rollcall report`."""
        done = self.deployment.rollcall("report", self.request_id, "--tenant", TENANT, "--json")
        by_status: dict[str, int] = json.loads(done.stdout)["by_status"]
        return by_status


@contextmanager
def a_loop(stack: Stack, folder: Path, entry: dict[str, str], **options: Any) -> Iterator[Loop]:
    """Yield a loop without its services. `entry` is the one of the producer, whose keys the simulator has too."""
    port = free_port()
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    words += ["--receipts-url", f"http://127.0.0.1:{port}/communication/callback/gateway", "--receipts-key", KEY]
    words += ["--receipts-format", entry["kind"], "--receipts-account", entry.get("account_sid", "")]
    with ExitStack() as held:
        simulator = held.enter_context(a_simulator(folder, *words))
        gateway = {"name": "gateway", "kind": "http", "channel": "sms", "url": f"{simulator.http}/send"}
        settings = {"PROVIDERS": [gateway], "RECEIPTS": [{**entry, "provider": "gateway"}]}
        yield Loop(held.enter_context(a_deployment(stack, folder, **settings)), simulator, port)


@pytest.mark.parametrize("entry", [TWILIO, GENERIC], ids=["twilio", "generic"])
async def test_each_delivery_ends_as_its_receipt_says_in_spite_of_late_early_repeated_and_forged_ones(
    stack: Stack, tmp_path: Path, entry: dict[str, str]
) -> None:
    options = {**SHARES, **FAULTS}
    with a_loop(stack, tmp_path, entry, **options) as loop, loop.producer(), loop.deployment.service("consumer"):
        expected = planned_statuses(loop.ids, options)
        async with reading(loop.deployment.bootstrap, Results(loop.deployment.topics.results)) as results:
            await loop.send(results)
            await wait_until(lambda: loop.statuses() == expected, 60)
            await wait_until(lambda: loop.receipts()["waiting"] == 0, 60)
            await results.catch_up()
        receipts, counts, report = loop.receipts(), loop.counts(), loop.report()
        assert loop.statuses() == expected

    moved = {name: [status] for name, status in expected.items() if status != "sent"}
    assert {name: [event.status for event in events] for name, events in results.receipts.items()} == moved
    assert counts == report == Counter(expected.values())
    assert receipts["refused"] == receipts["forged_accepted"] == receipts["given_up"] == 0
    assert min(receipts[name] for name in ("accepted", "early", "repeated", "forged")) > 0


def planned_statuses(ids: list[str], options: dict[str, Any]) -> dict[str, str]:
    """Return the status of each log after the receipts that a simulator with these options sends for it."""
    plan = ReceiptPlan(ReceiptBehaviour.model_validate(options), 0)
    planned = {name: plan.receipts_of(Delivery(name, Channel.SMS, "+8613800138000")) for name in ids}
    outcomes = {name: {each.receipt.outcome for each in receipts} for name, receipts in planned.items()}
    return {
        name: next((STATUSES[outcome] for outcome in found if outcome in STATUSES), "sent")
        for name, found in outcomes.items()
    }


async def test_a_receipt_that_the_producer_could_not_publish_is_sent_again_after_its_503(
    stack: Stack, tmp_path: Path
) -> None:
    with a_loop(stack, tmp_path, GENERIC, delivered_rate=1, undelivered_rate=0) as loop:
        async with reading(loop.deployment.bootstrap, Results(loop.deployment.topics.results)) as results:
            with loop.deployment.service("consumer"):
                with loop.producer(ROLLCALL_KAFKA_BOOTSTRAP=f"127.0.0.1:{free_port()}"):
                    await loop.send(results)
                    await wait_until(lambda: loop.receipts()["tried_again"] >= SIZE, 60)
                assert set(loop.statuses().values()) == {"sent"}
                with loop.producer():
                    await wait_until(lambda: set(loop.statuses().values()) == {"delivered"}, 60)
                    await wait_until(lambda: loop.receipts()["accepted"] == SIZE)
