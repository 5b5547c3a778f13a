"""On the real stack a bulk is paused, resumed and cancelled, a scheduled one taken back, a failed one resent."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import Result

from cli.admin.development_token import issue_token
from devstack import Stack
from tests.e2e.accounting import RecordingProviderProcess, an_accounting_provider
from tests.support.deployment import NO_RATE_LIMITS, Deployment, a_deployment
from tests.support.polling import wait_until
from tests.support.service import SECRET

TENANT = "tnt_orders"
TOKEN = issue_token(SECRET, TENANT, "usr_a", ["communication:send", "communication:read"], 3_600)
PEOPLE = [f"139{index:08d}" for index in range(2_000)]
BULK, REQUESTS, SCHEDULED = (f"/communication/{name}" for name in ("bulk", "requests", "scheduled"))

pytestmark = pytest.mark.durable


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordingProviderProcess]:
    with an_accounting_provider(tmp_path_factory.mktemp("orders")) as provider:
        yield provider


@pytest.fixture(scope="module")
def deployment(
    stack: Stack, provider: RecordingProviderProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    entry = provider.entry_for("sms", concurrency=20)
    settings = {"PROVIDERS": [entry], "WINDOW_SIZE": 20, "MAX_CHUNKS_IN_FLIGHT": 2, "CHUNK_SIZE": 200}
    with (
        a_deployment(
            stack, tmp_path_factory.mktemp("house"), JWT_SECRET=SECRET, **NO_RATE_LIMITS, **settings
        ) as deployment,
        deployment.service("consumer"),
    ):
        yield deployment


class Caller:
    """Who sends and orders over HTTP."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def send(self, recipients: list[str], **said: Any) -> str:
        body = {"channel": "sms", "content": "Hello", "recipients": recipients, **said}
        answer = await self._client.post(BULK, json=body)
        assert answer.status_code == 200, answer.text
        return answer.headers["X-Request-Id"]

    async def order(self, path: str, method: str = "POST") -> dict[str, Any]:
        answer = await self._client.request(method, path)
        said: dict[str, Any] = answer.json()
        return said

    async def known(self, request_id: str) -> dict[str, Any]:
        return await self._once(lambda said: said["code"] == 200, request_id)

    async def completed(self, request_id: str) -> dict[str, Any]:
        return await self._once(lambda said: said["code"] == 200 and said["complete"], request_id)

    async def _once(self, so: Callable[[dict[str, Any]], bool], request_id: str) -> dict[str, Any]:
        async def response_that_matches() -> dict[str, Any] | None:
            response = await self.order(f"{REQUESTS}/{request_id}", "GET")
            return response if so(response) else None

        response: dict[str, Any] = await wait_until(response_that_matches)
        return response


async def test_a_bulk_is_paused_resumed_and_cancelled_and_a_scheduled_one_taken_back(
    deployment: Deployment, provider: RecordingProviderProcess
) -> None:
    with deployment.service("producer") as service:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=30) as client:
            caller = Caller(client)
            scheduled = await caller.send(PEOPLE[:3], send_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
            request = await caller.send(PEOPLE)
            await wait_until(lambda: len(provider.accepted()) > 100)

            paused = await caller.order(f"{REQUESTS}/{request}/pause")
            most = len(provider.accepted()) + paused["may_still_be_sent"]
            assert (paused["state"], paused["may_still_be_sent"] <= 2 * 20) == ("paused", True)
            await caller.known(scheduled)
            await wait_until(lambda: not deployment.chunks(window={"$ne": None}))
            assert 100 < len(provider.accepted()) <= most < len(PEOPLE)

            assert (await caller.order(f"{REQUESTS}/{request}/resume"))["state"] == "sending"
            stood = len(provider.accepted())
            await wait_until(lambda: len(provider.accepted()) > stood + 100)
            cancelled = await caller.order(f"{REQUESTS}/{request}/cancel")
            most = len(provider.accepted()) + cancelled["may_still_be_sent"]
            done = await caller.completed(request)
            sent = provider.accepted()
            assert done["by_status"] == {"sent": len(sent), "cancelled": len(PEOPLE) - len(sent)}
            assert len(set(sent)) == len(sent) <= most < len(PEOPLE)

            assert (await caller.order(f"{SCHEDULED}/{scheduled}", "DELETE"))["state"] == "cancelled"
            assert (await caller.completed(scheduled))["by_status"] == {"cancelled": 3}
            late = await caller.order(f"{SCHEDULED}/{request}", "DELETE")
            assert (late["code"], late["message"].startswith("too late: the request is completed")) == (409, True)


def rollcall(deployment: Deployment, *args: str) -> Result:
    return deployment.rollcall(*args, "--tenant", TENANT)


def test_what_failed_is_sent_again_once_however_often_it_is_asked_for(
    deployment: Deployment, provider: RecordingProviderProcess, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("to,name\n" + "".join(f"137{index:08d},n{index}\n" for index in range(40)))
    provider.misbehave("refuse")
    args = ("send", str(file), "--channel", "sms", "--content", "Hi {{name}}", "--request-id", "refused")
    assert rollcall(deployment, *args).exit_code == 1
    provider.behave()
    before = len(provider.accepted())

    asked = rollcall(deployment, "resend", "refused", "--failed")
    assert (asked.exit_code, asked.stderr) == (2, "--yes: is required without a terminal to confirm on. Add --yes.\n")
    for _ in range(2):
        done = rollcall(deployment, "resend", "refused", "--failed", "--yes")
        assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "all accounted for: yes"), done.output
    assert "repeats 40 failed deliveries of request refused" in done.stdout
    (found,) = re.findall(r"^request (\S+)$", done.stdout, re.MULTILINE)
    taken = provider.taken()[before:]
    assert sorted(text for _, _, text in taken) == sorted(f"Hi n{index}" for index in range(40))
    logs = deployment.database["communication_logs"]
    assert {log["resend_of"] for log in logs.find({"request_id": found})} == {
        log["_id"] for log in logs.find({"request_id": "refused"})
    }
    assert rollcall(deployment, "cancel", found).exit_code == 1
