"""Limits that three consumer processes share, counted by the gateway that receives the messages."""

import asyncio
from pathlib import Path
from typing import Any

from devstack import Stack
from tests.e2e.caller import Results, publish, reading
from tests.e2e.sample_recipients import a_request
from tests.support.counting_gateway import CountingGateway
from tests.support.deployment import Deployment, a_deployment
from tests.support.polling import wait_until

CAP = 40
REQUESTS, RECIPIENTS = 4, 100


def people(number: int, many: int) -> list[str]:
    return [f"138{number:04d}{at:04d}" for at in range(many)]


async def published(deployment: Deployment, number: int, many: int, **fields: Any) -> str:
    record = a_request(people(number, many), content="Hello", **fields)
    await publish(deployment.bootstrap, deployment.topics.requests, record, key=record["request_id"])
    request_id: str = record["request_id"]
    return request_id


async def set_limit(deployment: Deployment, per_day: int) -> None:
    """Set the limit of the tenant as an operator does."""
    arguments = ("tenant", "set", "tnt_full", f"limits.sms.max_per_day={per_day}")
    ended = await asyncio.to_thread(deployment.rollcall, *arguments)
    assert ended.exit_code == 0, ended.stderr


async def test_three_processes_keep_to_one_rate_and_send_each_message_once(stack: Stack, tmp_path: Path) -> None:
    gateway = CountingGateway()
    async with gateway.listening() as url:
        entry = {"name": "gateway", "kind": "http", "channel": "sms", "url": url, "max_per_second": CAP}
        with (
            a_deployment(stack, tmp_path, PROVIDERS=[entry]) as deployment,
            deployment.service("consumer"),
            deployment.service("consumer"),
            deployment.service("consumer"),
        ):
            async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
                names = [await published(deployment, number, RECIPIENTS) for number in range(REQUESTS)]
                await asyncio.gather(*(results.completed(name, 60) for name in names))

    assert len(gateway.ids) == len(set(gateway.ids)) == REQUESTS * RECIPIENTS
    seconds = gateway.counts(1)
    # A delay of this machine moves messages into a later second, and never into an earlier one.
    assert all(sum(seconds[:length]) <= CAP * length for length in range(1, len(seconds) + 1))
    assert max(sum(seconds[at : at + 5]) for at in range(len(seconds))) <= CAP * 6


async def test_a_limit_of_a_tenant_is_exact_and_a_change_is_in_effect_soon(stack: Stack, tmp_path: Path) -> None:
    gateway = CountingGateway()
    async with gateway.listening() as url:
        entry = {"name": "gateway", "kind": "http", "channel": "sms", "url": url}
        with a_deployment(stack, tmp_path, PROVIDERS=[entry]) as deployment:
            await set_limit(deployment, 150)
            with deployment.service("consumer"), deployment.service("consumer"), deployment.service("consumer"):
                async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
                    for number in range(REQUESTS):
                        await published(deployment, number, RECIPIENTS, tenant_id="tnt_full")
                    other = await published(deployment, 9, RECIPIENTS, tenant_id="tnt_other")
                    await results.completed(other, 60)
                    await wait_until(lambda: len(gateway.ids) >= 150 + RECIPIENTS)
                    await set_limit(deployment, 160)
                    await asyncio.sleep(10)
                    raised = await published(deployment, 8, 5, tenant_id="tnt_full")
                    await results.completed(raised, 60)

    # Deliveries of the first requests may have been tried again meanwhile.
    assert 155 <= len(gateway.ids) - RECIPIENTS <= 160
    assert len(set(gateway.ids)) == len(gateway.ids)
