"""The operator's steps of docs/operations.md work."""

import os
import sys
from pathlib import Path

import pytest

from devstack import Stack
from tests.e2e.caller import Results, publish, reading
from tests.e2e.documents.code_blocks import block, run
from tests.support.deployment import Deployment, a_deployment


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
        with rotated.service("consumer"):
            await send(rotated, 2)
        sealed_with = {document["head"]["key_id"] for document in deployment.database["requests"].find()}
        assert sealed_with == {key.partition(":")[0] for key in keys.split(",")}


async def send(deployment: Deployment, number: int) -> None:
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        await publish(deployment.bootstrap, deployment.topics.requests_express, a_request(number), key=f"r{number}")
        assert (await results.completed(f"r{number}")).by_status == {"sent": 1}


pytestmark = pytest.mark.durable
