"""A small request at a provider that is the limit: it goes before the large ones."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from devstack import Stack
from tests.e2e.caller import Results, publish, reading
from tests.e2e.sample_recipients import a_request
from tests.support.counting_gateway import CountingGateway
from tests.support.deployment import Deployment, a_deployment
from tests.support.polling import wait_until

CALL_SECONDS, CONCURRENCY = 0.4, 50
LARGE, RECIPIENTS = 4, 600
SMALL = 5
"""Number of small requests, one after the other."""


@asynccontextmanager
async def a_slow_deployment(stack: Stack, folder: Path) -> AsyncIterator[tuple[Deployment, CountingGateway]]:
    """Run a consumer whose only provider is the gateway, with large requests of which many calls wait for it."""
    gateway = CountingGateway(CALL_SECONDS)
    async with gateway.listening() as url:
        entry = {"name": "gateway", "kind": "http", "channel": "sms", "url": url, "concurrency": CONCURRENCY}
        with a_deployment(stack, folder, PROVIDERS=[entry]) as deployment, deployment.service("consumer"):
            for number in range(LARGE):
                people = [f"138{number:04d}{at:04d}" for at in range(RECIPIENTS)]
                large = a_request(people, content="An outage")
                await publish(deployment.bootstrap, deployment.topics.requests, large, key=large["request_id"])
            await wait_until(lambda: len(gateway.arrivals) >= 3 * CONCURRENCY)
            yield deployment, gateway


async def test_a_small_request_goes_before_the_calls_of_large_ones_that_wait(stack: Stack, tmp_path: Path) -> None:
    """A few bursts of calls begin before it, while it is on its way. Without lanes it was all 400 that wait."""
    passed = []
    async with a_slow_deployment(stack, tmp_path) as (deployment, gateway):
        async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
            for number in range(SMALL):
                begun = len(gateway.arrivals)
                code = a_request(["13900139000"], content=f"Code {number}")
                topic = deployment.topics.requests_express
                await publish(deployment.bootstrap, topic, code, key=code["request_id"])
                await results.completed(code["request_id"])
                passed.append(gateway.texts.index(f"Code {number}") - begun)
        assert len(gateway.arrivals) < LARGE * RECIPIENTS
    assert max(passed) <= 3 * CONCURRENCY
