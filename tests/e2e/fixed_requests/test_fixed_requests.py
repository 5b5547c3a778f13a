"""A fixed set of requests, and everything that is stored and published because of them, compared with a golden file.

A difference means that the public contract moved: names in MongoDB, ids, hashes, sealed bytes, events, dead letters,
wake-up messages or HTTP answers. Installations, callers and other versions rely on all of these.
Rewrite the golden file only when that is intended, and look at its difference before the commit:

    REWRITE_GOLDEN=1 pytest tests/e2e/fixed_requests/test_fixed_requests.py
"""

import contextlib
import difflib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.admin.development_token import issue_token
from devstack import Stack
from devstack.services import run
from tests.e2e.caller import Reader, Results, create_topic, publish, reading
from tests.e2e.fixed_requests.dump import SEALING_KEYS, Dump, Sections, as_text
from tests.support.deployment import Deployment, a_deployment
from tests.support.polling import wait_until
from tests.support.service import SECRET

GOLDEN = Path(__file__).parent / "data" / "fixed_requests.json"
REWRITE = "REWRITE_GOLDEN"
TENANT = "tnt_fixed"
ACCEPTED_AT, FUTURE, SEND_AT = "2026-04-15T10:00:00Z", "2100-01-01T00:00:00Z", "2100-01-02T00:00:00Z"
EXPIRES_AT, NEVER = "2026-04-15T11:00:00Z", "9999-01-01T00:00:00Z"

FIRST = {
    "name": "first",
    "kind": "simulator",
    "channel": "sms",
    "priority": 1,
    "fail_suffixes": ["31"],
    "retry_once_suffixes": ["42"],
    "throttle_once_suffixes": ["53"],
    "retry_after_seconds": 1,
    "hang_suffixes": ["64"],
    "drop_suffixes": ["75"],
    "timeout_seconds": 0.5,
}
SECOND = {"name": "second", "kind": "simulator", "channel": "sms", "priority": 2}
POST = {"name": "post", "kind": "simulator", "channel": "email", "fail_suffixes": ["@gone.example"]}
SETTINGS: dict[str, Any] = {
    "PROVIDERS": [FIRST, SECOND, POST],
    "REPLY_TOPICS": "callers-*",
    "SEALING_KEYS": SEALING_KEYS,
    "JWT_SECRET": SECRET,
    "CHUNK_SIZE": 5,
    "WINDOW_SIZE": 2,
    "MAX_AGE_SECONDS": 3_000_000_000,  # the requests were accepted at a fixed time, long ago
}

pytestmark = pytest.mark.durable


def request(name: str, *recipients: Any, **fields: Any) -> dict[str, Any]:
    return {
        "channel": "sms",
        "content": "Hello",
        "recipients": list(recipients),
        "tenant_id": TENANT,
        "user_id": "usr_fixed",
        "request_id": f"fixed-{name}",
        "accepted_at": ACCEPTED_AT,
        **fields,
    }


def to(address: str, name: str | None = None, reference: str | None = None, **fields: Any) -> dict[str, Any]:
    variables = {"variables": {"name": name}} if name else {}
    return {"to": address, **variables, **({"reference": reference} if reference else {}), **fields}


SMS = request(
    "sms",
    to("13800130001", "Ann", "order-1"),
    to("no number", "Bob", "order-2"),
    to("+86 138 0013 0001", "Ann again", "order-3"),
    to("13800130003", reference="order-4"),
    to("13800130031", "failed"),
    to("13800130042", "retried"),
    to("13800130053", "asked to wait", "order-7"),
    to("13800130064", "not answered"),
    to("13800130075", "cut off"),
    content="Hello {{name}}, your code is {{code}}",
    variables={"code": "123456"},
)
SMALL = (
    request("careful", "13800130075", "13800130031", "13800130064", on_uncertain="resend", category="marketing"),
    request("expired", "13800130001", expires_at=EXPIRES_AT, tenant_id="tnt_other", user_id=None),
    request(
        "mail",
        to("ann@example.com", "Ann", "mail-1"),
        to("bob@gone.example", "Bob"),
        to("ann@EXAMPLE.com", "Ann"),
        to("cy@example.com", "F\r\nBcc: eve@example.com"),
        channel="email",
        subject="News for {{name}}",
        content="<!DOCTYPE html><html><body><p>Dear {{name}}</p></body></html>",
    ),
    request("template", to("dan@example.com", "Dan"), channel="email", content="", template="welcome"),
)
PARTS = (
    request("parts", "13800130001", "13800130002", part=0, last=False),
    request("parts", "13800130003", "+8613800130001", part=1, last=True),
)
PAUSED = (
    request("paused", "13800130001", part=0, last=False),
    request("paused", "13800130002", "13800130031", "none", part=1, last=True),
)
SCHEDULED = request("scheduled", "13800130001", "13800130002", accepted_at=FUTURE, send_at=SEND_AT)
REQUESTS = 10
"""How many of these are expanded."""
WRONG = request("wrong", "13800130001", colour="red", channel="fax")
BODY = {"channel": "sms", "content": "Hello {{name}}", "recipients": [to("13800130001", "Ann"), to("12", "Bob")]}


class Run:
    """One installation that takes the requests, and what it answers."""

    def __init__(self, deployment: Deployment, client: httpx.AsyncClient, results: Results, rejected: Reader) -> None:
        self.deployment, self.client, self.results, self.dead_letters = deployment, client, results, rejected
        self.callers = f"callers-{deployment.topics.prefix}"
        self.answers: list[tuple[str, int, Any]] = []

    async def publish(self, topic: str, *values: Any, **options: Any) -> None:
        """Publish records under the key of the first, one after the other."""
        key = values[0]["request_id"] if isinstance(values[0], dict) else "no request"
        await publish(self.deployment.bootstrap, topic, *values, key=key, **options)

    async def call(self, method: str, path: str, **options: Any) -> None:
        answer = await self.client.request(method, f"/communication/{path}", **options)
        self.answers.append((f"{method} /communication/{path}", answer.status_code, answer.json()))

    async def counted(self, request_id: str, *, parts: int, open_chunks: int) -> str:
        """Wait until so many parts are counted and so many chunks open, and return the request's key."""
        requests = self.deployment.database["requests"]
        which = {"head.request_id": request_id, "counted": {"$size": parts}}
        key = str((await wait_until(lambda: requests.find_one(which)))["_id"])
        await wait_until(lambda: len(self.deployment.chunks(request=key, open=True)) == open_chunks)
        return key

    async def over_kafka(self) -> None:
        """Send what completes by itself, and what is rejected."""
        topics = self.deployment.topics
        await create_topic(self.deployment.bootstrap, self.callers)
        reply = [("reply_to", self.callers.encode()), ("correlation_id", "order №66".encode())]
        await self.publish(topics.requests, SMS, SMS, SMS | {"content": "Something else"})
        for small in SMALL:
            await self.publish(topics.requests_express, small)
        await self.publish(topics.requests, *PARTS, headers=reply)
        await self.publish(topics.requests, WRONG, headers=reply[1:])
        await self.publish(topics.requests_express, b"no JSON", headers=[("trace", b"7")])
        await self.results.completed("fixed-sms")
        logs = [log["_id"] for log in self.deployment.database["communication_logs"].find({"request_id": "fixed-sms"})]
        again = [to("13800130001", resend_of=min(logs)), to("13800130002", resend_of=sorted(logs)[4])]
        await self.publish(
            topics.requests_express, request("resend", *again, content="Hello again", resend_of="fixed-sms")
        )
        await wait_until(lambda: len(self.dead_letters.records) == 3)

    async def over_http(self) -> None:
        """Send the same body twice under one key, and another body once."""
        keyed = {"Idempotency-Key": "fixed-http"}
        await self.call("POST", "bulk", json=BODY | {"variables": {"name": "you"}}, headers=keyed)
        await self.results.completed("fixed-http")
        await self.call("POST", "bulk", json=BODY | {"variables": {"name": "you"}}, headers=keyed)
        await self.call("POST", "bulk", json=BODY | {"content": "Another"}, headers=keyed)

    async def orders(self, dump: Dump) -> Sections:
        """Cancel a scheduled request, and resume a paused one. Return what was stored while both waited."""
        topics, (first, last) = self.deployment.topics, PAUSED
        await self.publish(topics.requests_express, SCHEDULED)
        await self.publish(topics.requests, first)
        await self.counted("fixed-paused", parts=1, open_chunks=0)
        await self.call("POST", "requests/fixed-paused/pause")
        await self.publish(topics.requests, last)
        waiting = {
            await self.counted("fixed-paused", parts=2, open_chunks=1),
            await self.counted("fixed-scheduled", parts=1, open_chunks=1),
        }
        stored = dump.documents("chunks", "requests", choose=lambda one: one.get("request", one["_id"]) in waiting)
        await self.call("DELETE", "scheduled/fixed-scheduled")
        await self.call("POST", "requests/fixed-paused/resume")
        return stored

    async def ended(self) -> None:
        for rejected in ("fixed-sms", "fixed-wrong"):
            await self.results.rejected(rejected)
        await wait_until(lambda: self.deployment.database["requests"].count_documents({"announced": True}) == REQUESTS)


@contextlib.asynccontextmanager
async def a_run(deployment: Deployment) -> AsyncIterator[Run]:
    token = issue_token(SECRET, TENANT, "usr_fixed", ["communication:send"], 3_600)
    headers = {"Authorization": f"Bearer {token}"}
    with deployment.service("consumer"), deployment.service("producer") as producer:
        async with (
            httpx.AsyncClient(base_url=producer.url, headers=headers, timeout=30) as client,
            reading(deployment.bootstrap, Results(deployment.topics.results)) as results,
            reading(deployment.bootstrap, Reader(deployment.topics.dead_letters)) as dead_letters,
        ):
            yield Run(deployment, client, results, dead_letters)


async def everything(deployment: Deployment) -> Sections:
    """Send all requests, and return the dump of what they left."""
    put = ["rollcall", "template", "put", "welcome", "--tenant", TENANT, "--content", "Welcome {{name}}"]
    run([*put, "--subject", "To {{name}}"], deployment.env, log=deployment.folder / "template.log")
    dump, topics = Dump(deployment, [ACCEPTED_AT, FUTURE, SEND_AT, EXPIRES_AT, NEVER]), deployment.topics
    async with a_run(deployment) as sent:
        await sent.over_kafka()
        await sent.over_http()
        waiting = await sent.orders(dump)
        await sent.ended()
    published = [spec.name for spec in topics.specs() if spec.name not in topics.intake]
    return {
        **dump.indexes(),
        **{f"{name} while two requests wait": documents for name, documents in waiting.items()},
        **dump.documents(),
        "published": [
            *await dump.records(*topics.intake, key=b"fixed-http"),
            *await dump.records(*published, sent.callers),
        ],
        "answers": [dump.plain(list(answer)) for answer in sent.answers],
    }


async def test_fixed_requests_store_and_publish_what_the_golden_file_says(stack: Stack, tmp_path: Path) -> None:
    with a_deployment(stack, tmp_path, **SETTINGS) as deployment:
        found = as_text(await everything(deployment))
    if os.environ.get(REWRITE):
        GOLDEN.write_text(found)
    differences = compared(GOLDEN.read_text(), found)
    (tmp_path / "found.json").write_text(found)
    assert not differences, "\n".join([f"the public contract moved, see {tmp_path}/found.json", *differences[:200]])


def compared(golden: str, found: str) -> list[str]:
    """Return the lines that differ, with the fields of a document one a line."""
    before, after = (json.dumps(json.loads(text), indent=1).splitlines() for text in (golden, found))
    return list(difflib.unified_diff(before, after, "golden", "found", n=8, lineterm=""))
