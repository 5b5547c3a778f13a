"""Send windows and caps with real processes: set by command, and in effect in two consumers."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from devstack import Stack
from tests.e2e.caller import Results, publish, reading
from tests.e2e.sample_recipients import a_request
from tests.support.counting_gateway import CountingGateway
from tests.support.deployment import Deployment, a_deployment

NUMBERS = [f"138{at:08d}" for at in range(40)]

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Running(NamedTuple):
    """Two consumers, and the gateway of both."""

    deployment: Deployment
    gateway: CountingGateway


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    gateway = CountingGateway()
    async with gateway.listening() as url:
        entries = [{"name": "gateway", "kind": "http", "channel": "sms", "url": url}]
        with (
            a_deployment(stack, tmp_path_factory.mktemp("quiet"), PROVIDERS=entries) as deployment,
            deployment.service("consumer"),
            deployment.service("consumer"),
        ):
            yield Running(deployment, gateway)


async def tenant_set(deployment: Deployment, tenant: str, *assignments: str) -> None:
    ended = await asyncio.to_thread(deployment.rollcall, "tenant", "set", tenant, *assignments)
    assert ended.exit_code == 0, ended.stderr


async def published(deployment: Deployment, people: list[Any], tenant: str, content: str = "Hello") -> str:
    record = a_request(people, content=content, category="marketing", tenant_id=tenant)
    await publish(deployment.bootstrap, deployment.topics.requests, record, key=record["request_id"])
    request_id: str = record["request_id"]
    return request_id


async def test_messages_wait_where_the_window_is_closed_and_go_where_it_is_open(running: Running) -> None:
    """The window opens with a minute that comes soon, by UTC. An hour ahead of UTC, it is open for an hour already."""
    deployment, gateway = running
    opening = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    if opening - datetime.now(UTC) < timedelta(seconds=20):  # both messages need some time before it
        opening += timedelta(minutes=1)
    window = f"{opening:%H:%M}-{opening + timedelta(hours=2):%H:%M}"
    await tenant_set(deployment, "tnt_hours", f"send_window.marketing={window}")
    zones = ("Etc/UTC", "Etc/GMT-1")  # the sign of these names is that of POSIX
    people = [
        {"to": number, "timezone": zones[at % 2], "variables": {"zone": zones[at % 2]}}
        for at, number in enumerate(NUMBERS)
    ]
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        name = await published(deployment, people, "tnt_hours", "{{zone}}")
        completed = await results.completed(name, 150)

    assert completed.by_status == {"sent": len(NUMBERS)}
    by_zone = {zone: [each.at for each in gateway.arrivals if each.text == zone] for zone in zones}
    assert [len(times) for times in by_zone.values()] == [len(NUMBERS) / 2] * 2
    assert max(by_zone["Etc/GMT-1"]) < opening.timestamp() <= min(by_zone["Etc/UTC"])


async def test_two_requests_at_once_share_one_cap(running: Running) -> None:
    deployment, gateway = running
    await tenant_set(deployment, "tnt_caps", "caps.marketing.per_day=1")
    before = len(gateway.ids)
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        names = await asyncio.gather(*(published(deployment, [*NUMBERS], "tnt_caps") for _ in range(2)))
        completed = [await results.completed(name, 60) for name in names]

    assert len(gateway.ids) - before == len(NUMBERS)
    assert sum(each.by_status.get("sent", 0) for each in completed) == len(NUMBERS)
    assert sum(each.by_reason.get("capped", 0) for each in completed) == len(NUMBERS)
