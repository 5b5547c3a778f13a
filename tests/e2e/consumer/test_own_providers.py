"""Own providers of tenants, with real consumers, Kafka and MongoDB. The gateways are on loopback."""

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from devstack import Stack
from ledger.mongo import MongoLedger
from ledger.provider_configs import seal_config
from ledger.tenant_port import StoredProvider
from schemas.statuses import Channel
from tests.e2e.caller import Results, publish, reading
from tests.e2e.reconciliation import roll
from tests.e2e.sample_recipients import a_request
from tests.support.counting_gateway import CountingGateway
from tests.support.deployment import Deployment, a_deployment
from tests.support.polling import wait_until

TENANT, OTHER = "tnt_own", "tnt_other"
LEASE_SECONDS = 4


@pytest.fixture
def deployment(stack: Stack, tmp_path: Path) -> Iterator[Deployment]:
    """Consumers whose own provider must not be asked. The operator permits gateways on loopback."""
    entry = {"name": "installed", "kind": "simulator", "channel": "sms", "timeout_seconds": 1}
    settings = {"LEASE_SECONDS": LEASE_SECONDS, "WINDOW_SIZE": 10, "TENANT_NETWORKS": "127.0.0.0/8"}
    with a_deployment(stack, tmp_path, PROVIDERS=[entry], **settings) as deployment:
        yield deployment


async def put(deployment: Deployment, url: str, version: int, **fields: Any) -> str:
    """Store the provider of the tenant with this configuration. Return its reference."""
    ledger = await MongoLedger.connect(deployment.env["ROLLCALL_MONGO_URL"], deployment.env["ROLLCALL_MONGO_DATABASE"])
    config, now = json.dumps({"kind": "http", "url": url, **fields}), datetime.now(UTC)
    sealed = seal_config(config, TENANT, "prv_1", deployment.sealer)
    stored = StoredProvider("prv_1", "mine", Channel.SMS, 100, True, version, sealed, now, now)
    try:
        before = (await ledger.tenants.get(TENANT)).version
        assert await ledger.tenants.put_providers(TENANT, [stored], before)
    finally:
        await ledger.aclose()
    return stored.reference


async def send(deployment: Deployment, recipients: int, tenant_id: str, **fields: Any) -> str:
    numbers = [f"139{index:08d}" for index in range(recipients)]
    request = a_request(numbers, content="Hello", tenant_id=tenant_id, **fields)
    request_id: str = request["request_id"]
    await publish(deployment.bootstrap, deployment.topics.requests, request, key=request_id)
    return request_id


def providers_of(deployment: Deployment, request_id: str) -> set[str | None]:
    return {log["provider"] for log in roll(deployment, request_id).values()}


async def test_a_tenant_is_served_by_its_own_provider_and_by_a_changed_one_within_one_request(
    deployment: Deployment,
) -> None:
    first, second = CountingGateway(answer_seconds=0.2), CountingGateway()
    async with first.listening() as url, second.listening() as other_url:
        old = await put(deployment, url, 1, concurrency=2)
        with deployment.service("consumer"):
            async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
                other = await send(deployment, 5, OTHER)
                await results.completed(other, 60)
                assert providers_of(deployment, other) == {"installed"}

                large = await send(deployment, 400, TENANT)
                await wait_until(lambda: len(first.ids) > 10)
                new = await put(deployment, other_url, 2)
                completed = await results.completed(large, 120)
                assert completed.by_status == {"sent": 400}
                assert providers_of(deployment, large) == {old, new}

                after = await send(deployment, 5, TENANT)
                await results.completed(after, 60)
                assert providers_of(deployment, after) == {new}
    assert len(first.ids + second.ids) == len({*first.ids, *second.ids}) == 405


@pytest.mark.durable
async def test_a_provider_that_changes_while_its_delivery_is_uncertain_leaves_it_unknown(
    deployment: Deployment,
) -> None:
    """Both configurations deduplicate. The consumer dies right after the gateway has answered."""
    first, second = CountingGateway(), CountingGateway()
    dying = dataclasses.replace(deployment, env={**deployment.env, "ROLLCALL_FAILPOINT": "first_send"})
    async with first.listening() as url, second.listening() as other_url:
        old = await put(deployment, url, 1, deduplicates=True)
        async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
            with dying.service("consumer") as victim:
                request_id = await send(deployment, 1, TENANT)
                await wait_until(lambda: victim.child.exit_code() is not None, 60)
            await put(deployment, other_url, 2, deduplicates=True)
            with deployment.service("consumer"):
                completed = await results.completed(request_id, 120)
    assert (completed.by_status, completed.by_reason) == ({"unknown": 1}, {"interrupted": 1})
    assert providers_of(deployment, request_id) == {old}
    assert (len(first.ids), len(second.ids)) == (1, 0)
