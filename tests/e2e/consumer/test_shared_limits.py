"""Limits that three consumer processes share, counted by the gateways that receive the messages."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from devstack import Stack
from tests.e2e.caller import Results, publish, reading
from tests.e2e.sample_recipients import a_request
from tests.support.counting_gateway import CountingGateway
from tests.support.deployment import Deployment, a_deployment
from tests.support.polling import wait_until

CAP = 40
REQUESTS, RECIPIENTS = 4, 100

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Running(NamedTuple):
    """Three consumers, and the gateway of each channel."""

    deployment: Deployment
    sms: CountingGateway
    email: CountingGateway


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """Start them once for both tests. The gateway of SMS has a rate, and that of e-mail has none."""
    sms, email = CountingGateway(), CountingGateway()
    async with sms.listening() as sms_url, email.listening() as email_url:
        entries = [
            {"name": "gateway", "kind": "http", "channel": "sms", "url": sms_url, "max_per_second": CAP},
            {"name": "post", "kind": "http", "channel": "email", "url": email_url},
        ]
        with (
            a_deployment(stack, tmp_path_factory.mktemp("limits"), PROVIDERS=entries) as deployment,
            deployment.service("consumer"),
            deployment.service("consumer"),
            deployment.service("consumer"),
        ):
            yield Running(deployment, sms, email)


async def published(deployment: Deployment, people: list[str], **fields: Any) -> str:
    record = a_request(people, content="Hello", **fields)
    await publish(deployment.bootstrap, deployment.topics.requests, record, key=record["request_id"])
    request_id: str = record["request_id"]
    return request_id


def numbers(request: int) -> list[str]:
    return [f"138{request:04d}{at:04d}" for at in range(RECIPIENTS)]


async def mailed(deployment: Deployment, tenant: str, request: int, many: int = RECIPIENTS) -> str:
    people = [f"r{request}-{at}@example.com" for at in range(many)]
    return await published(deployment, people, channel="email", subject="Hi", tenant_id=tenant)


async def set_limit(deployment: Deployment, per_day: int) -> None:
    """Set the limit of the tenant as an operator does."""
    arguments = ("tenant", "set", "tnt_full", f"limits.email.max_per_day={per_day}")
    ended = await asyncio.to_thread(deployment.rollcall, *arguments)
    assert ended.exit_code == 0, ended.stderr


async def test_three_processes_keep_to_one_rate_and_send_each_message_once(running: Running) -> None:
    deployment, gateway = running.deployment, running.sms
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        names = [await published(deployment, numbers(request)) for request in range(REQUESTS)]
        await asyncio.gather(*(results.completed(name, 60) for name in names))

    assert len(gateway.ids) == len(set(gateway.ids)) == REQUESTS * RECIPIENTS
    seconds = gateway.counts(1)
    # A delay of this machine moves messages into a later second, and never into an earlier one.
    assert all(sum(seconds[:length]) <= CAP * length for length in range(1, len(seconds) + 1))
    assert max(sum(seconds[at : at + 5]) for at in range(len(seconds))) <= CAP * 6


async def test_a_limit_of_a_tenant_is_exact_and_a_change_is_in_effect_soon(running: Running) -> None:
    deployment, gateway = running.deployment, running.email
    await set_limit(deployment, 150)
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        for request in range(REQUESTS):
            await mailed(deployment, "tnt_full", request)
        await results.completed(await mailed(deployment, "tnt_other", 9), 60)
        await wait_until(lambda: len(gateway.ids) >= 150 + RECIPIENTS)
        await set_limit(deployment, 160)
        await asyncio.sleep(10)
        await results.completed(await mailed(deployment, "tnt_full", 8, 5), 60)

    # Deliveries of the first requests may have been tried again meanwhile.
    assert 155 <= len(gateway.ids) - RECIPIENTS <= 160
    assert len(set(gateway.ids)) == len(gateway.ids)
