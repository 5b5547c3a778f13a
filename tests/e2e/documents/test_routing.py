"""The example of docs/routing.md works, and what it stores shows no secret anywhere."""

import asyncio
import json
import shutil
from functools import partial
from pathlib import Path

import httpx
import pytest

from cli.admin.development_token import issue_token
from devstack import Stack
from tests.e2e.documents.code_blocks import block as page_block
from tests.e2e.documents.code_blocks import run
from tests.support.cli_runner import link_rollcall
from tests.support.deployment import Deployment, a_deployment
from tests.support.skipping import not_run

block = partial(page_block, "docs/routing.md", "test_routing.py")
SECRET = "s3cret"
NEW_KEY = "new:" + "QUFB" * 10 + "QUE="

pytestmark = pytest.mark.durable


def test_a_tenant_adds_a_provider_as_the_page_shows(stack: Stack, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        not_run("needs curl, fix: apt-get install -y curl")
    link_rollcall(tmp_path)
    script = tmp_path / "lines.sh"
    script.write_text(block("runs this: create"))
    with a_deployment(stack, tmp_path) as deployment, deployment.service("producer") as producer:
        env = {**deployment.env, "ROLLCALL_HTTP_PORT": producer.url.rpartition(":")[2]}
        answer = json.loads(run(["bash", "-eu", script], env, tmp_path))

        changing = {"id", "created_at", "updated_at"}
        expected = json.loads(block("expects this: create"))
        assert answer["code"] == 201
        assert answer["data"].keys() == expected.keys()
        assert all(answer["data"][name] == value for name, value in expected.items() if name not in changing)
        asyncio.run(add_many_at_once(deployment, producer.url, answer["data"]))

        (document,) = deployment.database["tenants"].find()
        assert len(document["providers"]) == 6
        assert SECRET.encode() not in b"".join(each["sealed"] for each in document["providers"])
        assert SECRET.encode() not in deployment.said()
        listed = deployment.rollcall("providers", "list", "--tenant", "tnt_xyz789", "--json")
        assert json.loads(listed.stdout)["providers"][0]["name"] == "gateway"
        assert SECRET not in listed.stdout
        assert deployment.rollcall("providers", "check", "--tenant", "tnt_xyz789").exit_code == 1
        doctor = deployment.rollcall("doctor", ROLLCALL_SEALING_KEYS=NEW_KEY).stdout
        assert "providers or keys of 1 tenant need the key" in doctor


async def add_many_at_once(deployment: Deployment, url: str, first: dict[str, str]) -> None:
    """Add providers through one more process at the same time, up to the bound of the connections: 50, and 8 each."""
    config = json.dumps({"kind": "http", "url": "https://gateway.example/send", "bearer_token": SECRET})
    token = issue_token(
        deployment.env["ROLLCALL_JWT_SECRET"], "tnt_xyz789", "usr_abc123", ["communication:admin"], 3_600
    )
    headers = {"Authorization": f"Bearer {token}"}
    with deployment.service("producer") as second:
        async with httpx.AsyncClient(headers=headers, timeout=30) as client:
            calls = [
                client.post(
                    f"{(url, second.url)[number % 2]}/admin/communication/providers",
                    json={"channel": "sms", "provider": f"p{number}", "priority": 20, "config": config},
                )
                for number in range(8)
            ]
            statuses = sorted([answer.status_code for answer in await asyncio.gather(*calls)])
            assert statuses == [201] * 5 + [403] * 3
            same = {"channel": "sms", "provider": "gateway", "config": config}
            assert (await client.post(f"{url}/admin/communication/providers", json=same)).status_code == 409
            path = f"{second.url}/communication/providers/{first['id']}"
            assert (await client.get(path)).json()["data"] == first
