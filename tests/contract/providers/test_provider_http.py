"""Kind `http`: its posts, and the result of each response."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.send_result import Failed, HiddenMessageId, Message, Retry, SendResult, Sent, Uncertain
from providers.http import HttpEntry, HttpProvider
from providers.http_client import MAX_ANSWER_BYTES
from providers.provider import NO_FREE_CONNECTION
from schemas.statuses import Channel, ContentType, Reason
from tests.contract.providers.certificates import server_context
from tests.contract.providers.servers import Act, Gateway, http_answer
from tests.support.drafts import send
from tests.support.polling import wait_until

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HANGS = "+8613900000001"
CUTS = "+8613900000002"

SENT = Sent(None, "HTTP 200")
CREDENTIALS = Reason.PROVIDER_REJECTED_CREDENTIALS
UNAVAILABLE = Reason.UNAVAILABLE
RATE_LIMITED = Reason.RATE_LIMITED


def a_message(delivery_id: str = "log_1", *, to: str = "+8613800138000", **other: Any) -> Message:
    usual = {"text": "您的验证码是 7", "subject": None, "is_html": False, "reference": "order-17", "tenant_id": "tnt_1"}
    return Message(delivery_id, Channel.SMS, to, **{**usual, **other})


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    peer = Gateway({HANGS: Act.HANG, CUTS: Act.CUT})
    async with peer.running():
        yield peer


def a_provider(gateway: Gateway, **entry: Any) -> HttpProvider:
    usual = {"name": "own", "kind": "http", "channel": "sms", "url": f"http://127.0.0.1:{gateway.port}/send?v=1"}
    return HttpProvider(HttpEntry.model_validate({**usual, **entry}), now=lambda: NOW)


async def ask(gateway: Gateway, message: Message | None = None, **entry: Any) -> SendResult:
    """Send once through a new provider."""
    provider = a_provider(gateway, **entry)
    answer = await send(provider, message or a_message())
    await provider.aclose()
    return answer


async def test_it_posts_the_delivery_as_json_under_its_id_and_the_entrys_headers(gateway: Gateway) -> None:
    await ask(gateway, headers={"X-Account": "a1"}, bearer_token="t0ken")

    ((headers, body),) = gateway.requests
    assert body == {
        "id": "log_1",
        "channel": "sms",
        "to": "+8613800138000",
        "text": "您的验证码是 7",
        "subject": None,
        "reference": "order-17",
        "tenant_id": "tnt_1",
    }
    assert headers["idempotency-key"] == "log_1"
    assert headers["content-type"] == "application/json"
    assert headers["authorization"] == "Bearer t0ken"
    assert headers["x-account"] == "a1"
    assert "cookie" not in headers


async def test_the_addresses_of_a_mail_are_posted_only_if_there_are_some(gateway: Gateway) -> None:
    await ask(gateway, a_message(reply_to="Help <help@example.org>", cc=("a@example.org", "b@example.org")))
    await ask(gateway, a_message(cc=("a@example.org",)))
    await ask(gateway, a_message(reply_to="help@example.org"))

    given = [{name: body[name] for name in ("reply_to", "cc") if name in body} for _, body in gateway.requests]
    assert given == [
        {"reply_to": "Help <help@example.org>", "cc": ["a@example.org", "b@example.org"]},
        {"cc": ["a@example.org"]},
        {"reply_to": "help@example.org"},
    ]


async def test_the_type_of_a_mail_is_posted_only_if_it_is_stored(gateway: Gateway) -> None:
    for channel, stated in (("email", "text/html"), ("email", "text/plain"), ("email", None), ("sms", "text/plain")):
        message = a_message(content_type=stated and ContentType(stated))
        await ask(gateway, replace(message, channel=Channel(channel)))

    assert [body.get("content_type") for _, body in gateway.requests] == ["text/html", "text/plain", None, None]


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        ("200 OK", [], SENT),
        ("204 No Content", [], Sent(None, "HTTP 204")),
        ("429 Slow down", [], Retry(RATE_LIMITED, "HTTP 429")),
        ("429 Slow down", ["Retry-After: 3"], Retry(RATE_LIMITED, "HTTP 429", 3.0)),
        ("429 Slow down", ["Retry-After: soon"], Retry(RATE_LIMITED, "HTTP 429")),
        (
            "503 Busy",
            [f"Retry-After: {format_datetime(NOW + timedelta(seconds=90), usegmt=True)}"],
            Retry(RATE_LIMITED, "HTTP 503", 90.0),
        ),
        ("503 Busy", [], Retry(UNAVAILABLE, "HTTP 503")),
        ("500 Broken", [], Retry(UNAVAILABLE, "HTTP 500")),
        ("504 Late", [], Retry(UNAVAILABLE, "HTTP 504")),
        ("400 Bad", [], Failed(Reason.REJECTED, "HTTP 400")),
        ("401 Who", [], Retry(CREDENTIALS, "HTTP 401")),
        ("402 Pay", [], Retry(CREDENTIALS, "HTTP 402")),
        ("403 No", [], Retry(CREDENTIALS, "HTTP 403")),
        ("404 Nobody", [], Failed(Reason.REJECTED, "HTTP 404")),
        ("405 Get", [], Retry(UNAVAILABLE, "HTTP 405")),
        ("415 Text", [], Retry(UNAVAILABLE, "HTTP 415")),
        ("410 Gone", [], Failed(Reason.REJECTED, "HTTP 410")),
        ("413 Long", [], Failed(Reason.REJECTED, "HTTP 413")),
        ("407 Who", [], Retry(CREDENTIALS, "HTTP 407")),
        ("408 Slow", [], Retry(UNAVAILABLE, "HTTP 408")),
        ("421 Elsewhere", [], Retry(UNAVAILABLE, "HTTP 421")),
        ("422 Blocked", [], Failed(Reason.REJECTED, "HTTP 422")),
        ("425 Early", ["Retry-After: 3"], Retry(UNAVAILABLE, "HTTP 425", 3.0)),
        ("409 Again", [], Failed(Reason.REJECTED, "HTTP 409")),
        ("308 There", ["Location: /elsewhere"], Retry(UNAVAILABLE, "HTTP 308")),
        ("303 There", ["Location: /elsewhere"], Uncertain(Reason.NO_ANSWER, "HTTP 303")),
    ],
)
async def test_each_status_has_its_answer_and_is_asked_for_once(
    gateway: Gateway,
    status: str,
    headers: list[str],
    expected: SendResult,
) -> None:
    gateway.answer = http_answer(status, "", *headers)

    assert await ask(gateway) == expected
    assert len(gateway.requests) == 1


@pytest.mark.parametrize(
    ("body", "message_id"),
    [
        ('{"id": "gw-log_1"}', "gw-log_1"),
        ('{"message_id": 7205759403792793600}', "7205759403792793600"),
        ('{"id": "for 8613800138000"}', HiddenMessageId("for 8613800138000")),
        ('["gw-log_1"]', None),
        ("ok", None),
        ("", None),
        (f'{{"id": "gw-log_1", "more": "{"x" * MAX_ANSWER_BYTES}"}}', None),
    ],
)
async def test_the_message_id_of_an_answer_is_used_and_one_that_could_show_an_address_is_hidden(
    gateway: Gateway,
    body: str,
    message_id: str | HiddenMessageId | None,
) -> None:
    gateway.answer = http_answer("200 OK", body)

    assert await ask(gateway, a_message(text="hello")) == Sent(message_id, "HTTP 200")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Encoding: gzip\r\n\r\nzip?",
    ],
)
async def test_once_the_status_is_known_a_broken_body_changes_nothing(gateway: Gateway, answer: bytes) -> None:
    gateway.answer = answer
    gateway.then_cut = True

    assert await ask(gateway) == SENT


async def test_once_the_status_is_known_a_body_that_never_ends_changes_nothing(gateway: Gateway) -> None:
    gateway.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort"

    assert await ask(gateway, timeout_seconds=0.3) == SENT


@pytest.mark.parametrize(
    "answer",
    [
        b"\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX" + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n",
        b"\xff\xfe",
    ],
)
async def test_a_malformed_answer_is_no_answer(gateway: Gateway, answer: bytes) -> None:
    gateway.answer = answer
    gateway.then_cut = True

    answered = await ask(gateway)

    assert isinstance(answered, Uncertain)
    assert answered.reason is Reason.NO_ANSWER


async def test_nothing_is_posted_again_behind_the_callers_back(gateway: Gateway) -> None:
    provider = a_provider(gateway)
    await send(provider, a_message("log_1"))  # so that the next one goes over a kept connection

    answer = await send(provider, a_message("log_2", to=CUTS))
    await provider.aclose()

    assert answer == Uncertain(Reason.NO_ANSWER, "waiting for an answer: connection cut")
    assert [body["id"] for _, body in gateway.requests] == ["log_1", "log_2"]
    assert gateway.connections == 1


async def test_a_kept_connection_that_the_other_side_closed_is_replaced(gateway: Gateway) -> None:
    provider = a_provider(gateway)
    await send(provider, a_message("log_1"))
    gateway.drop_connections()
    await wait_until(lambda: not gateway.open_connections, seconds=10)
    await asyncio.sleep(0)  # what the loop already knows reaches the client

    answer = await send(provider, a_message("log_2"))
    await provider.aclose()

    assert isinstance(answer, Sent)
    assert gateway.connections == 2


async def test_connections_are_kept(gateway: Gateway) -> None:
    provider = a_provider(gateway)
    for number in range(5):
        await send(provider, a_message(f"log_{number}"))
    await provider.aclose()

    assert gateway.connections == 1


async def test_concurrent_sends_are_limited_by_the_entry(gateway: Gateway) -> None:
    provider = a_provider(gateway, concurrency=3)

    await asyncio.gather(*(send(provider, a_message(f"log_{number}")) for number in range(20)))
    await provider.aclose()

    assert gateway.connections <= 3
    assert len(gateway.taken) == 20


async def test_a_send_without_a_free_connection_in_time_uses_no_attempt(gateway: Gateway) -> None:
    provider = a_provider(gateway, concurrency=1, timeout_seconds=0.4)

    both = a_message("log_1", to=HANGS), a_message("log_2")
    hanging, waiting = await asyncio.gather(*(send(provider, message) for message in both))
    await provider.aclose()

    assert hanging == Uncertain(Reason.NO_ANSWER, "waiting for an answer: timed out")
    assert waiting == NO_FREE_CONNECTION


async def test_a_certificate_that_it_does_not_trust_stops_it_before_anything_was_written(tmp_path: Path) -> None:
    gateway = Gateway({})
    gateway.tls, trusted = server_context(tmp_path)
    async with gateway.running():
        url = f"https://127.0.0.1:{gateway.port}/"
        refused = await ask(gateway, url=url)
        checked = await a_provider(gateway, url=url).check()
        taken = await ask(gateway, url=url, ca_file=str(trusted))

    assert refused == Retry(UNAVAILABLE, "connecting: certificate refused")
    assert checked == "connecting: certificate refused"
    assert isinstance(taken, Sent)
    assert gateway.taken == ["log_1"]


async def test_a_plain_server_behind_an_https_url_is_no_uncertainty(gateway: Gateway) -> None:
    answer = await ask(gateway, url=f"https://127.0.0.1:{gateway.port}/", timeout_seconds=0.5)

    assert isinstance(answer, Retry)
    assert gateway.requests == []


async def test_a_name_that_does_not_resolve_is_no_uncertainty(gateway: Gateway) -> None:
    answer = await ask(gateway, url="http://nobody.invalid/")

    assert isinstance(answer, Retry)
    assert answer.reason is UNAVAILABLE


async def test_text_that_is_no_utf8_fails(gateway: Gateway) -> None:
    assert await ask(gateway, a_message(text="\ud800")) == Failed(Reason.INVALID_CONTENT, "not UTF-8")


async def test_it_speaks_with_a_real_web_framework() -> None:
    async def take(request: web.Request) -> web.Response:
        return web.json_response({"id": f"web-{(await request.json())['id']}"}, status=201)

    app = web.Application()
    app.router.add_post("/send", take)
    async with TestServer(app) as server:
        provider = a_provider(Gateway({}), url=str(server.make_url("/send")))
        answer = await send(provider, a_message())
        await provider.aclose()

    assert answer == Sent("web-log_1", "HTTP 201")


async def test_it_says_whether_the_other_side_deduplicates(gateway: Gateway) -> None:
    assert a_provider(gateway, deduplicates=True).deduplicates
    assert not a_provider(gateway).deduplicates
