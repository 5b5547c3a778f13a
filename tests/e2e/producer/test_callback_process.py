"""Receipts of vendors at a real producer, with a real Kafka and MongoDB: published, bounded, and without secrets."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from cli.admin.development_token import issue_token
from devstack import Stack
from producer.callbacks.accept_call import MAX_BODY_BYTES
from providers.receipts.callback_values import MAX_RECEIPTS
from providers.receipts.generic import SIGNATURE_HEADER, sign
from schemas.receipts import Receipt
from tests.e2e.producer.hostile.wire import ask, head
from tests.e2e.producer.kafka_records import records_of
from tests.support.deployment import NO_RATE_LIMITS, Deployment, Service, a_deployment
from tests.support.service import GOOD, SECRET

KEY = "a key of the gateway with 32 characters"
PATH_SECRET = "a-secret_of-the-path_with-more-than-32"
ENTRIES = [
    {"kind": "http", "provider": "gateway", "signing_key": KEY},
    {"kind": "http", "provider": "secret", "signing_key": KEY, "path_secret": PATH_SECRET},
]
PATH = "/communication/callback/"
ADDRESS = "+8613800138000"
MESSAGE = "GW" + "1" * 32
RECEIPT = {"message_id": MESSAGE, "status": "delivered", "recipient": ADDRESS}
FORGED, OWN = "GW" + "2" * 32, "GW" + "3" * 32
SLOW_CALLERS = 40


@dataclass
class Producer:
    deployment: Deployment
    service: Service

    def client(self, **headers: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.service.url, headers=headers, timeout=30, trust_env=False)

    @property
    def port(self) -> int:
        return int(self.service.url.rpartition(":")[2])

    async def receipts(self, count: int) -> list[Receipt]:
        """Return all receipts so far, at least `count` of them."""
        records = await records_of(self.deployment.bootstrap, self.deployment.topics.receipts, count)
        return [Receipt.model_validate_json(record.value) for record in records]


@pytest.fixture(scope="module")
def producer(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Producer]:
    folder = tmp_path_factory.mktemp("callbacks")
    settings = {"RECEIPTS": json.dumps(ENTRIES), "JWT_SECRET": SECRET, **NO_RATE_LIMITS}
    with a_deployment(stack, folder, **settings) as deployment, deployment.service("producer") as service:
        yield Producer(deployment, service)


def a_body(*receipts: dict[str, str], size: int = 0) -> bytes:
    return json.dumps({"receipts": receipts or [RECEIPT]}).encode().ljust(size)


def signed(body: bytes, key: str = KEY) -> dict[str, str]:
    return {SIGNATURE_HEADER: sign(key, int(time.time()), body)}


async def call(client: httpx.AsyncClient, body: bytes, path: str = "gateway", key: str = KEY) -> httpx.Response:
    return await client.post(PATH + path, content=body, headers=signed(body, key))


async def test_a_full_call_is_published_and_no_forged_one(producer: Producer) -> None:
    receipts = [{**RECEIPT, "message_id": f"GW{number:032}"} for number in range(MAX_RECEIPTS)]
    full = a_body(*receipts, size=MAX_BODY_BYTES)
    async with producer.client() as client:
        forged = [call(client, a_body({**RECEIPT, "message_id": FORGED}), key=f"{KEY}{at}") for at in range(20)]
        answers = await asyncio.gather(call(client, full), *forged)
        again = await call(client, full)

    assert [answer.status_code for answer in answers] == [200, *([401] * 20)]
    assert again.status_code == 200
    found = [receipt.provider_message_id for receipt in await producer.receipts(2 * MAX_RECEIPTS)]
    assert FORGED not in found
    assert {each["message_id"]: found.count(each["message_id"]) for each in receipts} == {
        each["message_id"]: 2 for each in receipts
    }


async def test_an_own_provider_of_a_tenant_sends_receipts(producer: Producer) -> None:
    token = issue_token(SECRET, "tnt_a", "usr_a", ["communication:admin"], 600)
    config = {"kind": "http", "url": "https://gateway.example/", "receipts": {"signing_key": KEY[::-1]}}
    body = {"channel": "sms", "provider": "mine", "config": json.dumps(config)}
    async with producer.client(Authorization=f"Bearer {token}") as client:
        created = (await client.post("/admin/communication/providers", json=body)).json()["data"]
        receipt = a_body({**RECEIPT, "message_id": OWN})
        statuses = [(await call(client, receipt, created["id"], key)).status_code for key in (KEY, KEY[::-1])]

    assert statuses == [401, 200]
    (found,) = [each for each in await producer.receipts(1) if each.provider_message_id == OWN]
    assert (found.provider, found.tenant_id, len(found.recipient_hashes)) == (created["id"], "tnt_a", 1)


async def test_neither_a_path_secret_nor_an_address_is_in_the_log_or_the_metrics(producer: Producer) -> None:
    async with producer.client() as client:
        for path in (f"secret/{PATH_SECRET}", f"gateway/{PATH_SECRET}", f"nobody/{PATH_SECRET}", f"x/y/{PATH_SECRET}"):
            await call(client, a_body(), path)
            await client.get(PATH + path)
        malformed = await ask(producer.port, f"POST {PATH}secret/{PATH_SECRET} HTTP/9.9\r\n\r\n".encode())
        long = await ask(producer.port, head(f"POST {PATH}secret/{PATH_SECRET}{'x' * 70_000} HTTP/1.1"))
        metrics = (await client.get("/metrics")).text

    said = producer.deployment.said().decode() + metrics
    assert (malformed.status, long.status) == (400, 431)
    assert "/communication/callback/{provider}/{secret}" in said
    assert '"status": 200' in producer.deployment.said().decode()
    assert [text for text in (PATH_SECRET, ADDRESS, KEY, ADDRESS[1:]) if text in said] == []


HOSTILE = {
    "a body that is compressed": (a_body(), {"Content-Encoding": "gzip"}, 415),
    "a body that is too large": (b" " * (MAX_BODY_BYTES + 1), {}, 413),
    "deep brackets": (b"[" * 100_000, {}, 400),
    "deep objects": (b'{"receipts":' * 10_000, {}, 400),
    "many names": (json.dumps({f"n{at}": at for at in range(60_000)}).encode(), {}, 400),
    "a long number": (b'{"receipts": [{"status": "sent", "message_id": ' + b"9" * 500_000 + b"}]}", {}, 400),
    "half of a pair": (b'{"receipts": [{"status": "sent", "message_id": "\\ud800"}]}', {}, 400),
    "bytes that are not UTF-8": (b'{"receipts": [{"status": "\xff", "message_id": "m"}]}', {}, 400),
    "too many receipts": (a_body(*([RECEIPT] * (MAX_RECEIPTS + 1))), {}, 400),
    "a name twice": (b'{"receipts": [], "receipts": [7]}', {}, 400),
    "a time beyond all calendars": (a_body({**RECEIPT, "occurred_at": "+99999-01-01T00:00:00Z"}), {}, 400),
    "an address of a megabyte": (a_body({**RECEIPT, "recipient": "1" * 900_000}), {}, 400),
}
"""Signed calls with hostile bodies, and their statuses."""


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_body_gets_its_answer_in_time(producer: Producer, name: str) -> None:
    body, headers, status = HOSTILE[name]
    async with producer.client() as client:
        signed_answer = await client.post(f"{PATH}gateway", content=body, headers={**signed(body), **headers})
        unsigned_answer = await client.post(f"{PATH}gateway", content=body, headers=headers)

    assert signed_answer.status_code == status
    assert unsigned_answer.status_code == (401 if status == 400 else status)
    assert signed_answer.elapsed.total_seconds() < 2
    assert signed_answer.json().keys() == {"code", "message", "timestamp"}


async def test_slow_and_large_callers_stop_neither_receipts_nor_requests(producer: Producer) -> None:
    token = issue_token(SECRET, "tnt_a", "usr_a", ["communication:send"], 600)
    begun = [await begin_large_call(producer.port, "gateway" if at % 2 else f"n{at}") for at in range(SLOW_CALLERS)]
    large = json.dumps({**GOOD, "recipients": [f"1380013{at:04}" for at in range(8_000)]}).encode()
    try:
        async with producer.client(Authorization=f"Bearer {token}") as client:
            started = time.monotonic()
            json_type = {"Content-Type": "application/json"}
            answers = await asyncio.gather(
                call(client, a_body()),
                call(client, a_body(size=60_000)),
                call(client, a_body(size=MAX_BODY_BYTES), f"secret/{PATH_SECRET}"),
                client.post("/communication/bulk", content=large, headers=json_type),
            )
            seconds = time.monotonic() - started
    finally:
        for writer in begun:
            writer.close()

    assert [answer.status_code for answer in answers] == [200] * 4
    assert seconds < 5


async def begin_large_call(port: int, provider: str) -> asyncio.StreamWriter:
    """Announce a body of a megabyte without a signature, and send its first part."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"POST {PATH}{provider} HTTP/1.1\r\nHost: x\r\nContent-Length: {MAX_BODY_BYTES}\r\n\r\n".encode()
        + b" " * 30_000
    )
    await writer.drain()
    return writer
