"""The limits of a mail server and a refused login, with a real consumer."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from devstack import Stack
from tests.contract.providers.limited_mail_server import PASSWORD, LimitedMailServer
from tests.e2e.caller import Results, publish, reading
from tests.e2e.reconciliation import assert_balanced, roll
from tests.e2e.sample_recipients import TENANT
from tests.support.deployment import Deployment, a_deployment
from tests.support.polling import wait_until


@pytest.fixture
async def server() -> AsyncIterator[LimitedMailServer]:
    peer = LimitedMailServer(most_connections=2)
    async with peer.running():
        yield peer


def _deployed(stack: Stack, folder: Path, server: LimitedMailServer, **entry: Any) -> Any:
    post = {"name": "post", "kind": "smtp", "host": "127.0.0.1", "port": server.port, "tls": "none"}
    return a_deployment(stack, folder, PROVIDERS=[{**post, "sender": "us@example.org", **entry}])


async def _send(deployment: Deployment, results: Results, recipients: int) -> str:
    request = {
        "channel": "email",
        "subject": "Hi",
        "content": "Hello",
        "recipients": [f"r{number}@example.com" for number in range(recipients)],
        "tenant_id": TENANT,
        "request_id": uuid4().hex,
    }
    await publish(deployment.bootstrap, deployment.topics.requests, request, key=request["request_id"])
    completed = await results.completed(request["request_id"])
    assert completed.by_status == {"sent": recipients}
    await assert_balanced(deployment, results, completed, total=recipients)
    return completed.request_id


@pytest.mark.parametrize(("recipients", "seconds_per_mail"), [(60, 0.0), (100, 0.1)])
async def test_a_server_that_takes_two_connections_gets_every_mail_at_its_first_attempt(
    stack: Stack, tmp_path: Path, server: LimitedMailServer, recipients: int, seconds_per_mail: float
) -> None:
    server.seconds_per_mail = seconds_per_mail
    with _deployed(stack, tmp_path, server) as deployment, deployment.service("consumer"):
        async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
            logs = roll(deployment, await _send(deployment, results, recipients))

    assert {log["attempts"] for log in logs.values()} == {1}
    assert len(set(server.taken)) == len(server.taken) == recipients
    assert server.counts["connection"] <= 10


async def test_a_server_that_refuses_the_login_is_named_and_gets_every_mail_once_it_takes_the_login(
    stack: Stack, tmp_path: Path, server: LimitedMailServer
) -> None:
    server.login_fails = server.needs_login = True
    with (
        _deployed(stack, tmp_path, server, username="us", password=PASSWORD) as deployment,
        deployment.service("consumer") as consumer,
    ):
        async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:

            def named() -> bool:
                with urllib.request.urlopen(f"{consumer.url}/readyz", timeout=10) as answer:
                    trouble = json.load(answer)["dependencies"]["providers"]["trouble"]
                    return answer.status == 200 and trouble == "post (email): login refused: AUTH: SMTP 535"

            async def repair() -> None:
                await wait_until(lambda: server.counts["login"] > 0)
                await wait_until(lambda: asyncio.to_thread(named))
                server.login_fails = False

            repairing = asyncio.create_task(repair())
            await _send(deployment, results, 20)
            await repairing
        said = deployment.said()

    assert b'"provider fails"' in said
    assert PASSWORD.encode() not in said
