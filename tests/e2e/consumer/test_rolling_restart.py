"""Every process is restarted in the middle of a bulk, one after the other: nobody in doubt, nobody sent to twice."""

import asyncio
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from cli.admin.development_token import issue_token
from devstack import Stack
from tests.e2e.accounting import an_accounting_provider
from tests.e2e.caller import Results, publish, reading
from tests.e2e.reconciliation import assert_balanced
from tests.e2e.sample_recipients import a_request
from tests.support.deployment import NO_RATE_LIMITS, Deployment, Service, a_deployment
from tests.support.polling import wait_until

RECIPIENTS = [f"139{index:08d}" for index in range(1_500)]
SLOW_SECONDS = 3.0
SECRET = "a secret of more than thirty-two bytes for HS256"
TOKEN = issue_token(SECRET, "tnt_e2e", "usr_e2e", ["communication:send"], 3_600)

pytestmark = pytest.mark.durable


class Caller:
    """Calls the producer all the while, and repeats under its key what was not answered."""

    def __init__(self) -> None:
        self.url = ""
        self.accepted: list[str] = []

    async def run(self) -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                key = uuid4().hex
                while not await self._post(session, key):  # noqa: ASYNC110  # not an event of this process
                    await asyncio.sleep(0.05)
                self.accepted.append(key)
                await asyncio.sleep(0.1)

    async def _post(self, session: aiohttp.ClientSession, key: str) -> bool:
        number = f"138{len(self.accepted):08d}"
        body = {"channel": "sms", "content": "Hello", "recipients": [number]}
        headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": key}
        try:
            async with session.post(f"{self.url}/communication/bulk", json=body, headers=headers) as answer:
                assert answer.status in {200, 503}
                return answer.status == 200
        except aiohttp.ClientError:
            return False


async def restarted(deployment: Deployment, name: str, leaving: Service, held: ExitStack) -> tuple[Service, float]:
    """Ask one to stop, start another when it has ended; with how long the first took to stop, in seconds."""
    asked = time.monotonic()
    leaving.child.signal(signal.SIGTERM)
    assert await wait_until(lambda: leaving.child.exit_code() is not None, 30)
    stopped_after = time.monotonic() - asked
    assert leaving.child.exit_code() == 0
    return await asyncio.to_thread(held.enter_context, deployment.service(name)), stopped_after


async def test_all_are_restarted_in_the_middle_and_nobody_is_in_doubt(stack: Stack, tmp_path: Path) -> None:
    settings = {"MAX_CHUNKS_IN_FLIGHT": 4, "CHUNK_SIZE": 100, "WINDOW_SIZE": 50, "JWT_SECRET": SECRET}
    with ExitStack() as held:
        provider = held.enter_context(an_accounting_provider(tmp_path))
        provider.misbehave("slow", share=0.3, seconds=SLOW_SECONDS)
        entry = provider.entry_for("sms", concurrency=200)
        deployment = held.enter_context(a_deployment(stack, tmp_path, PROVIDERS=[entry], **NO_RATE_LIMITS, **settings))
        consumers = [held.enter_context(deployment.service("consumer")) for _ in range(2)]
        producer, caller, request = (
            held.enter_context(deployment.service("producer")),
            Caller(),
            a_request(RECIPIENTS, content="Hello"),
        )
        async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
            caller.url = producer.url
            calling = asyncio.create_task(caller.run())
            await publish(deployment.bootstrap, deployment.topics.requests, request, key=request["request_id"])
            await wait_until(lambda: len(provider.accepted()) > 100)
            staying = []
            for leaving in consumers:
                fresh, stopped_after = await restarted(deployment, "consumer", leaving, held)
                assert stopped_after < 10
                staying.append(fresh)
            fresh, stopped_after = await restarted(deployment, "producer", producer, held)
            assert stopped_after < 10
            caller.url = fresh.url
            number = len(caller.accepted)
            await wait_until(lambda: len(caller.accepted) > number)
            calling.cancel()
            for request_id, total in [(request["request_id"], len(RECIPIENTS)), *((key, 1) for key in caller.accepted)]:
                completed = await results.completed(request_id)
                assert completed.by_status == {"sent": total}
            forgot_its_place = [service for service in staying if "OffsetCommit failed" in service.said()]
            assert not forgot_its_place, "the group waits until a session has ended"
            await assert_balanced(
                deployment, results, await results.completed(request["request_id"]), total=len(RECIPIENTS)
            )
    accepted = provider.accepted()
    assert len(accepted) == len(set(accepted)), "sent twice"
