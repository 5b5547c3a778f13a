"""A person that answers STOP gets no further SMS until START: real services, Kafka and MongoDB."""

import json
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from devstack import Stack
from providers.receipts.generic import SIGNATURE_HEADER, sign
from tests.e2e.caller import Results, publish, reading
from tests.e2e.sample_recipients import MARK, SIMULATOR, a_request
from tests.support.deployment import Deployment, Service, a_deployment
from tests.support.polling import wait_until

KEY = "k" * 32
PERSON, OTHER = f"{MARK}0000", f"{MARK}0001"
ENTRY = {"kind": "simulator", "provider": SIMULATOR["name"], "signing_key": KEY}

pytestmark = pytest.mark.durable


async def say(producer: Service, text: str) -> None:
    body = json.dumps({"inbound": [{"message_id": uuid4().hex, "from": f"86{PERSON}", "text": text}]}).encode()
    url = f"{producer.url}/communication/inbound/{SIMULATOR['name']}"
    headers = {SIGNATURE_HEADER: sign(KEY, int(time.time()), body)}
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        assert (await client.post(url, content=body, headers=headers)).status_code == 204


async def outcomes(deployment: Deployment, results: Results) -> list[tuple[str, str | None]]:
    """Send an SMS to both, and return the status and the reason of each."""
    request = a_request([PERSON, OTHER], content="Hello", request_id=uuid4().hex)
    await publish(deployment.bootstrap, deployment.topics.requests, request, key=request["request_id"])
    await results.completed(request["request_id"])
    logs: list[dict[str, Any]] = await wait_until(lambda: logs_of(deployment, request["request_id"]))
    return [(log["status"], log.get("reason")) for log in logs]


def logs_of(deployment: Deployment, request_id: str) -> list[dict[str, Any]]:
    found = deployment.database["communication_logs"].find({"request_id": request_id}).sort("_id", 1)
    logs = list(found)
    return logs if len(logs) == 2 else []


async def test_a_person_opts_out_and_in_again_by_sms(stack: Stack, tmp_path: Path) -> None:
    sent, opted_out = ("sent", None), ("suppressed", "opted_out")
    with (
        a_deployment(stack, tmp_path, PROVIDERS=[SIMULATOR], RECEIPTS=[ENTRY]) as deployment,
        deployment.service("consumer"),
        deployment.service("producer") as producer,
    ):
        async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
            assert await outcomes(deployment, results) == [sent, sent]
            await say(producer, "Stop!")
            assert await outcomes(deployment, results) == [opted_out, sent]
            await say(producer, "START")
            assert await outcomes(deployment, results) == [sent, sent]
        assert MARK.encode() not in deployment.said()
