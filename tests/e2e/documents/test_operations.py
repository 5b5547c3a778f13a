"""The operator's steps of docs/operations.md work."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devstack import Stack
from ledger.provider_configs import seal_config
from ledger.sealing import key_id_of
from ledger.tenant_port import StoredProvider
from schemas.statuses import Channel
from tests.e2e.caller import Results, publish, reading
from tests.e2e.documents.code_blocks import block, run
from tests.support.deployment import Deployment, a_deployment
from tests.support.polling import wait_until


def a_request(number: int) -> dict[str, object]:
    return {
        "tenant_id": "tnt_a",
        "request_id": f"r{number}",
        "channel": "sms",
        "content": "Hello",
        "recipients": ["13800138000"],
    }


async def test_a_sealing_key_is_rotated_in_front_of_the_old_one(stack: Stack, tmp_path: Path) -> None:
    with a_deployment(stack, tmp_path) as deployment:
        with deployment.service("consumer"):
            await send(deployment, 1)
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        script = block("docs/operations.md", "test_operations.py", "runs this: rotate")
        output = run(
            ["bash", "-eu", "-c", f'{script}\nprintf %s "$ROLLCALL_SEALING_KEYS"'], {**deployment.env, "PATH": path}
        )
        keys = output.splitlines()[-1]
        assert keys.endswith("," + deployment.env["ROLLCALL_SEALING_KEYS"])
        rotated = Deployment(
            {**deployment.env, "ROLLCALL_SEALING_KEYS": keys}, tmp_path, deployment.database, deployment._numbers
        )
        store_provider(deployment)
        with rotated.service("consumer"):
            await send(rotated, 2)
            await wait_until(lambda: key_of_provider(rotated) == rotated.sealer.newest)
        sealed_with = {document["head"]["key_id"] for document in deployment.database["requests"].find()}
        assert sealed_with == {key.partition(":")[0] for key in keys.split(",")}


def store_provider(deployment: Deployment) -> None:
    """Store a provider of a tenant, sealed with the only key."""
    sealed = seal_config("{}", "tnt_own", "prv_1", deployment.sealer)
    at = datetime(2026, 1, 2, tzinfo=UTC)
    provider = StoredProvider("prv_1", "http", Channel.SMS, 5, True, 1, sealed, at, at)
    document = {**provider._asdict(), "channel": "sms"}
    deployment.database["tenants"].insert_one({"_id": "tnt_own", "version": 1, "providers": [document]})


def key_of_provider(deployment: Deployment) -> str:
    document = deployment.database["tenants"].find_one({"_id": "tnt_own"})
    assert document is not None
    return key_id_of(document["providers"][0]["sealed"])


async def send(deployment: Deployment, number: int) -> None:
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        await publish(deployment.bootstrap, deployment.topics.requests_express, a_request(number), key=f"r{number}")
        assert (await results.completed(f"r{number}")).by_status == {"sent": 1}


pytestmark = pytest.mark.durable
