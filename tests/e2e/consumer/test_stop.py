"""One of two consumers is asked to stop in the middle: it finishes what it began, and nothing is in doubt."""

import signal
import time
from pathlib import Path

import pytest

from devstack import Stack
from tests.e2e.accounting import an_accounting_provider
from tests.e2e.caller import Results, publish, reading
from tests.e2e.reconciliation import assert_balanced
from tests.e2e.sample_recipients import a_request
from tests.support.deployment import a_deployment
from tests.support.polling import wait_until

RECIPIENTS = [f"139{index:08d}" for index in range(4_000)]

MOST_SECONDS = 10.0

pytestmark = pytest.mark.durable


async def test_a_sigterm_in_the_middle_leaves_nobody_in_doubt(stack: Stack, tmp_path: Path) -> None:
    with an_accounting_provider(tmp_path) as provider:
        settings = {"MAX_CHUNKS_IN_FLIGHT": 2, "LEASE_SECONDS": 30, "WINDOW_SIZE": 50}
        with a_deployment(stack, tmp_path, PROVIDERS=[provider.entry], **settings) as deployment:
            request = a_request(RECIPIENTS, content="Hello")
            async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
                with deployment.service("consumer"), deployment.service("consumer") as leaving:
                    await publish(deployment.bootstrap, deployment.topics.requests, request, key=request["request_id"])
                    await wait_until(lambda: len(provider.accepted()) > 500)
                    await wait_until(lambda: deployment.chunks(owner={"$regex": f"-{leaving.child.pid}-"}))
                    asked = time.monotonic()
                    leaving.child.signal(signal.SIGTERM)
                    await wait_until(lambda: leaving.child.exit_code() is not None, 30)
                    stopped_after = time.monotonic() - asked
                    completed = await results.completed(request["request_id"])
                    await assert_balanced(deployment, results, completed, total=len(RECIPIENTS))
    assert leaving.child.exit_code() == 0
    assert completed.by_status == {"sent": len(RECIPIENTS)}
    assert len(provider.accepted()) == len(RECIPIENTS), "sent twice"
    assert stopped_after < MOST_SECONDS
    print(f"stopped after {stopped_after:.1f} s")  # noqa: T201  # a figure, not a check


async def test_a_provider_that_hangs_holds_a_stop_up_for_seconds_and_leaves_nothing_to_wait_for(
    stack: Stack, tmp_path: Path
) -> None:
    with an_accounting_provider(tmp_path) as provider:
        provider.misbehave("hang", seconds=60)
        entry = provider.entry_for("sms", timeout_seconds=15, concurrency=10)
        with a_deployment(stack, tmp_path, PROVIDERS=[entry], WINDOW_SIZE=50, LEASE_SECONDS=600) as deployment:
            request = a_request(RECIPIENTS[:60], content="Hello")
            async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
                with deployment.service("consumer") as leaving:
                    await publish(deployment.bootstrap, deployment.topics.requests, request, key=request["request_id"])
                    await wait_until(lambda: provider.calls().total() >= 10)
                    asked = time.monotonic()
                    leaving.child.signal(signal.SIGTERM)
                    await wait_until(lambda: leaving.child.exit_code() is not None, 30)
                    stopped_after = time.monotonic() - asked
                provider.behave()
                with deployment.service("consumer"):
                    completed = await results.completed(request["request_id"], 30)
    assert leaving.child.exit_code() == 0
    assert stopped_after < MOST_SECONDS
    assert completed.by_status == {"unknown": 10, "sent": 50}, "those that waited for a connection were not begun"
    assert completed.by_reason == {"no_answer": 10}
