"""One call of `send --url`, against an HTTP server in this process."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from cli.clients.bulk_endpoint import MAX_RECIPIENTS, CallRefused, HttpAnswer, encode_body, post
from cli.errors import CommandError, UsageError
from cli.recipients_file.open_file import open_source
from cli.send.over_http import errors_with_line
from cli.send.request_options import check_request_options
from cli.template_check import compile_content
from schemas.statuses import Channel, ContentType

ITEM = {"tenant_id": "tnt_1", "request_id": "req-1"}


class Service:
    """HTTP service that gives a prepared answer and keeps the requests."""

    def __init__(self) -> None:
        self.answer: tuple[int, Any] = (200, {"items": [ITEM], "total": 2})
        self.refused_calls = 0
        """Number of calls that are answered with 429 first."""
        self.asked: list[tuple[web.Request, bytes]] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append((request, await request.read()))
        if len(self.asked) <= self.refused_calls:
            return web.json_response({"message": "too many calls"}, status=429, headers={"Retry-After": "3"})
        status, body = self.answer
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=status, text=text, headers={"X-Request-Id": "req-1"} if status == 200 else {})


Start = Callable[[Service], Awaitable[str]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    runners: list[web.AppRunner] = []

    async def _start(service: Service) -> str:
        app = web.Application()
        app.router.add_post("/communication/bulk", service.handle)
        runner = web.AppRunner(app)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return site.name

    yield _start
    for runner in runners:
        await runner.cleanup()


async def test_the_call_carries_token_and_key_and_returns_the_request(start: Start) -> None:
    service = Service()
    answered = await post(await start(service), "tok", b'{"a": 1}', "key-1")
    assert answered == HttpAnswer("req-1", "tnt_1", 2)
    ((request, body),) = service.asked
    assert (request.headers["Authorization"], request.headers["Idempotency-Key"]) == ("Bearer tok", "key-1")
    assert (request.content_type, body) == ("application/json", b'{"a": 1}')
    assert request.headers["Prefer"] == "handling=lenient"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((401, {"code": 401, "message": "no token"}), "--url: the service answered 401: no token"),
        (
            (404, {"code": 404, "message": "not found"}),
            "--url: the service answered 404: not found. --url must be the address of `rollcall producer`.",
        ),
        (
            (404, {"code": 404, "message": "template: t was not found"}),
            "--url: the service answered 404: template: t was not found",
        ),
        (
            (502, "<html>"),
            "--url: the service answered 502: without a message. --url must be the address of `rollcall producer`.",
        ),
        (
            (200, {"hello": 1}),
            "--url: the answer is not one of `rollcall producer`. Check that the address is correct.",
        ),
    ],
)
async def test_an_error_has_the_services_own_message(start: Start, answer: tuple[int, Any], expected: str) -> None:
    service = Service()
    service.answer = answer
    with pytest.raises(CommandError) as caught:
        await post(await start(service), "tok", b"{}", None)
    assert str(caught.value) == expected


async def test_a_call_over_the_rate_is_repeated_when_the_service_allows_it(start: Start) -> None:
    service, pauses = Service(), list[float]()
    service.refused_calls = 2

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    assert await post(await start(service), "tok", b"{}", "key-1", sleep=sleep) == HttpAnswer("req-1", "tnt_1", 2)
    assert pauses == [3, 3]
    assert {request.headers["Idempotency-Key"] for request, _ in service.asked} == {"key-1"}


async def test_a_call_over_the_rate_is_not_repeated_for_ever(start: Start) -> None:
    service, pauses = Service(), list[float]()
    service.refused_calls = 100

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    with pytest.raises(CallRefused, match="429: too many calls"):
        await post(await start(service), "tok", b"{}", None, sleep=sleep)
    assert len(service.asked) == len(pauses) + 1 == 6


async def test_an_unreachable_service_is_one_line() -> None:
    with pytest.raises(CommandError, match="--url: the service does not answer at this address"):
        await post("http://127.0.0.1:1", "tok", b"{}", None)


async def test_an_invalid_address_is_a_usage_error() -> None:
    for url in ("nowhere", "127.0.0.1:8080", "ftp://127.0.0.1"):
        with pytest.raises(UsageError, match="--url: must be an HTTP address"):
            await post(url, "tok", b"{}", None)


@pytest.mark.parametrize("ending", ["/", "/communication/bulk", "/communication/bulk/"])
async def test_the_address_of_the_route_is_an_address_of_the_service(start: Start, ending: str) -> None:
    service = Service()
    assert await post(await start(service) + ending, "tok", b"{}", None) == HttpAnswer("req-1", "tnt_1", 2)
    assert [request.path for request, _ in service.asked] == ["/communication/bulk"]


def a_body(path: Path) -> bytes:
    fields = {"channel": Channel.SMS, "content": "hi", "template": None, "user_id": None, "region": "CN"}
    with open_source(path) as source:
        text = compile_content(Channel.SMS, "hi", None, {}, ContentType.PLAIN)
        return encode_body(source, check_request_options(fields, tenant=None, request_id=None), text)


def test_the_body_is_that_of_the_contract(tmp_path: Path) -> None:
    path = tmp_path / "people.jsonl"
    path.write_text('"138"\n{"to": "139", "reference": "r"}\n')
    body = json.loads(a_body(path))
    assert body["recipients"] == ["138", {"to": "139", "reference": "r"}]
    assert (body["channel"], body["content"]) == ("sms", "hi")
    assert "tenant_id" not in body


def test_the_body_names_a_template_and_the_service_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "people.jsonl"
    path.write_text('"138"\n')
    fields = {"channel": Channel.SMS, "content": "", "template": "verify_code", "user_id": None, "region": "CN"}
    with open_source(path) as source:
        body = encode_body(
            source,
            check_request_options(fields, tenant=None, request_id=None),
            compile_content(Channel.SMS, "", None, {}, ContentType.PLAIN),
        )
    assert json.loads(body)["template"] == "verify_code"


def test_the_error_for_a_file_too_large_for_one_call_proposes_kafka(tmp_path: Path) -> None:
    path = tmp_path / "people.jsonl"
    path.write_text('"138"\n' * (MAX_RECIPIENTS + 1))
    with pytest.raises(UsageError, match=r"Send the file over Kafka, without --url."):
        a_body(path)


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "people.jsonl"
    path.write_text('"138"\n{}\n')
    with pytest.raises(CommandError, match=r"people.jsonl, line 2: to: is required\."):
        a_body(path)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "recipients[1].variables.name: is used in content",
            "people.csv, line 4: --url: the service answered 400: recipients[1].variables.name: is used in content",
        ),
        ("channel: is required", "--url: the service answered 400: channel: is required"),
    ],
)
def test_an_error_about_a_recipient_names_the_line(tmp_path: Path, message: str, expected: str) -> None:
    path = tmp_path / "people.csv"
    path.write_text("to\n138\n\n139\n")
    with open_source(path) as source, pytest.raises(CommandError) as caught, errors_with_line(source):
        raise CallRefused(400, message)
    assert str(caught.value) == expected
