"""A login code that is nowhere any more after its delivery: with a retry in between, and a kill -9 after the logs."""

import contextlib
import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import orjson
import pytest

from cli.admin.development_token import issue_token
from core.ids import RequestKey, chunk_id, request_key
from devstack import Stack
from ledger.errors import SealingError
from tests.e2e.caller import Reader, Results, reading
from tests.support.deployment import Deployment, a_deployment
from tests.support.polling import wait_until
from tests.support.service import SECRET

TENANT, REQUEST = "tnt_e2e", "login-17"
NUMBERS = ["13800138001", "13800138002", "13800138003"]
CODES, PIN = ["8642097531", "8642097532", "8642097533"], "7531908642"
RETRIED, REFUSED = NUMBERS[1], NUMBERS[2]
BODY = {
    "channel": "sms",
    "content": "您的验证码是{{code}}, {{name}} ({{pin}})",
    "recipients": [
        {"to": to, "variables": {"code": code, "name": "Wei"}} for to, code in zip(NUMBERS, CODES, strict=True)
    ],
    "variables": {"pin": PIN},
    "secret_variables": ["code", "pin"],
    "on_uncertain": "resend",
}
SHOWN = "您的验证码是***, Wei (***)"
READ = ["communication:send", "communication:read"]

pytestmark = pytest.mark.durable


class Gateway(BaseHTTPRequestHandler):
    """A gateway that echoes the code. It refuses one number for good, and another at the first two calls."""

    texts: ClassVar[dict[str, list[str]]] = {}

    def do_POST(self) -> None:
        message = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        earlier = self.texts.setdefault(message["to"].removeprefix("+86"), [])
        earlier.append(message["text"])
        status = 400 if message["to"].endswith(REFUSED) else 200
        if message["to"].endswith(RETRIED) and len(earlier) < 3:
            status = 503
        answer = orjson.dumps({"id": f"gw-{message['text'][6:16]}", "text": message["text"]})
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        return None


@contextlib.contextmanager
def a_gateway() -> Iterator[dict[str, Any]]:
    """Run a gateway in a thread, because the starts of services block the event loop. Yield its entry."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/"
        try:
            yield {"name": "gw", "kind": "http", "channel": "sms", "url": url, "timeout_seconds": 2}
        finally:
            server.shutdown()
            thread.join()


def stored(deployment: Deployment) -> bytes:
    """Return all documents of the database: once as they are stored, and once with every sealed value opened."""
    found = b""
    for name in deployment.database.list_collection_names():
        for document in deployment.database[name].find():
            id_ = str(document["_id"])
            # A small request has its chunk in its document. The chunk is sealed under its own id.
            names = (id_, chunk_id(RequestKey(id_), 0, 0))
            found += repr(document).encode() + b"\n".join(opened(deployment, document, names))
    return found


def opened(deployment: Deployment, value: Any, names: Sequence[str]) -> Iterator[bytes]:
    """Yield the plain form of each sealed value in a document, under whichever name it was sealed."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from opened(deployment, inner, names)
    elif isinstance(value, list):
        for inner in value:
            yield from opened(deployment, inner, names)
    elif isinstance(value, bytes):
        suffixes = ("", ".secrets", *(f".secrets.{index}" for index in range(len(NUMBERS))))
        for place in (f"{name}{suffix}" for name in names for suffix in suffixes):
            with contextlib.suppress(SealingError, IndexError):
                yield deployment.sealer.open(value, place)


def values_in(text: bytes | str) -> list[str]:
    """Return the secret values that a text contains, also in the escapes of JSON and of a representation."""
    plain = text if isinstance(text, str) else text.decode("utf-8", "replace")
    return [value for value in (*CODES, PIN) if value in plain]


async def shown(client: httpx.AsyncClient) -> str:
    """Return everything that HTTP shows of the request, the repeat of the call included."""
    repeat = await client.post("/communication/bulk", json=BODY, headers={"Idempotency-Key": REQUEST})
    listed = await client.get("/communication/logs", params={"request_id": REQUEST})
    logs = listed.json()["items"]
    assert {item["content"] for item in (*repeat.json()["items"], *logs)} == {SHOWN}
    single = [await client.get(f"/communication/logs/{item['id']}") for item in logs]
    search = await client.post("/communication/logs/search", json={"recipient": NUMBERS[0]})
    request = await client.get(f"/communication/requests/{REQUEST}")
    return "\n".join(answer.text for answer in (repeat, listed, *single, search, request))


async def test_a_login_code_cannot_be_found_anywhere_after_its_delivery(stack: Stack, tmp_path: Path) -> None:
    with a_gateway() as entry:
        settings = {"PROVIDERS": [entry], "JWT_SECRET": SECRET, "LEASE_SECONDS": 5, "KAFKA_SESSION_SECONDS": 6}
        with a_deployment(stack, tmp_path, **settings) as deployment, deployment.service("producer") as producer:
            token = issue_token(SECRET, TENANT, "usr_a", READ, 600)
            async with (
                httpx.AsyncClient(
                    base_url=producer.url, headers={"Authorization": f"Bearer {token}"}, timeout=30
                ) as client,
                reading(deployment.bootstrap, Results(deployment.topics.results)) as results,
                reading(deployment.bootstrap, Reader(deployment.topics.dead_letters)) as dead_letters,
            ):
                first = await client.post("/communication/bulk", json=BODY, headers={"Idempotency-Key": REQUEST})
                assert first.status_code == 200, first.text
                answers = first.text
                await die_after_the_logs(deployment)
                answers += await shown(client)
                with deployment.service("consumer"):
                    completed = await results.completed(REQUEST)
                answers += await shown(client)

                # One log was written before the kill. Who was refused was in doubt by then.
                assert completed.by_status == {"sent": 2, "unknown": 1}
                assert {to: set(texts) for to, texts in Gateway.texts.items()} == {
                    to: {f"您的验证码是{code}, Wei ({PIN})"} for to, code in zip(NUMBERS, CODES, strict=True)
                }
                # The second call is that of the take-over, the third one the retry.
                assert [len(Gateway.texts[to]) for to in NUMBERS] == [1, 3, 2]
                assert values_in(stored(deployment)) == []
                assert values_in(answers) == []
                assert values_in(results.bytes()) == values_in(dead_letters.bytes()) == []
                assert values_in(deployment.said()) == []
                assert values_in(commands(deployment)) == []
                assert values_in(orjson.dumps(BODY)) == [*CODES, PIN], "the search finds nothing at all"


async def die_after_the_logs(deployment: Deployment) -> None:
    """Let a consumer kill itself after it logged its window. What it still needs is there, and it is sealed."""
    dying = replace(deployment, env={**deployment.env, "ROLLCALL_FAILPOINT": "log"}, folder=deployment.folder / "dying")
    dying.folder.mkdir()
    with dying.service("consumer", ready=False) as consumer:
        await wait_until(lambda: consumer.child.exit_code() == -signal.SIGKILL)
        assert values_in(consumer.said()) == []
    (chunk,) = deployment.chunks(request=request_key(TENANT, REQUEST))
    assert set(chunk["sealed_secrets"]) == {"0", "1", "2"}, "erased before the write that ends the deliveries"
    assert values_in(repr(deployment.chunks())) == []
    assert values_in(stored(deployment)) == [*CODES, PIN]


def commands(deployment: Deployment) -> str:
    """Return what the commands show of the request. A resend names the variables whose values are erased."""
    tenant = ("--tenant", TENANT)
    logs = deployment.rollcall("logs", *tenant, "--content")
    assert logs.stdout.count("***, Wei (***)") == len(NUMBERS)
    report = deployment.rollcall("report", REQUEST, *tenant, "--json")
    resend = deployment.rollcall("resend", REQUEST, *tenant, "--unknown", "--yes")
    assert resend.exit_code == 1
    assert "the values of its secret variables are erased: code, pin" in resend.stderr
    return "\n".join(result.stdout + result.stderr for result in (logs, report, resend))
