"""Kind `twilio`: what a call contains, what its codes mean, and Twilio's own library at the same server."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from providers.config_file import parse
from schemas.statuses import Reason
from tests.contract.providers.servers import Act
from tests.contract.providers.stage import a_message
from tests.contract.providers.vendors.server import Answer
from tests.contract.providers.vendors.twilio import (
    ACCOUNT,
    CALLBACK,
    KEY,
    NUMBER,
    SECRET,
    SERVICE,
    TOKEN,
    TwilioStage,
    basic,
    error,
)
from tests.support.drafts import send

KIND = "twilio"

WITH_KEY = {"auth_token": None, "api_key_sid": KEY, "api_key_secret": SECRET}


def an_sms(stage: TwilioStage, text: str = "Zoë & co: 1+1=2 👋") -> Message:
    return replace(a_message(stage), text=text)


async def sent(stage: TwilioStage, message: Message, **entry: Any) -> SendResult:
    provider = stage.provider(**entry)
    result = await send(provider, message)
    await provider.aclose()
    return result


@pytest.mark.parametrize(
    ("entry", "authorization", "fields"),
    [
        ({}, basic(ACCOUNT, TOKEN), {"From": NUMBER, "StatusCallback": f"{CALLBACK}?delivery_id=log_1"}),
        (
            {"status_callback": f"{CALLBACK}?a=1"},
            basic(ACCOUNT, TOKEN),
            {"From": NUMBER, "StatusCallback": f"{CALLBACK}?a=1&delivery_id=log_1"},
        ),
        ({**WITH_KEY, "sender": "Zoes & Co", "status_callback": None}, basic(KEY, SECRET), {"From": "Zoes & Co"}),
        (
            {"sender": None, "messaging_service_sid": SERVICE, "status_callback": None},
            basic(ACCOUNT, TOKEN),
            {"MessagingServiceSid": SERVICE},
        ),
    ],
)
async def test_a_call_has_the_message_its_sender_and_the_delivery_id(
    stage: TwilioStage, entry: dict[str, Any], authorization: str, fields: dict[str, str]
) -> None:
    message = an_sms(stage)
    assert isinstance(await sent(stage, message, **entry), Sent)
    (request,) = stage.peer.requests
    assert request.headers["authorization"] == authorization
    assert request.form() == {"To": message.to, "Body": message.text, **fields}


async def test_a_text_is_sent_up_to_the_limit_and_a_longer_one_is_not_offered(stage: TwilioStage) -> None:
    assert isinstance(await sent(stage, an_sms(stage, "ü" * 1_600)), Sent)
    result = await sent(stage, an_sms(stage, "ü" * 1_601))
    assert result == Failed(Reason.TOO_LONG, "more than 1600 characters")
    assert isinstance(result, Failed)
    assert not result.offered
    assert stage.arrived() == 1


UNAVAILABLE, CREDENTIALS, LIMITED = Reason.UNAVAILABLE, Reason.PROVIDER_REJECTED_CREDENTIALS, Reason.RATE_LIMITED
ECHO = "The number +861380000000 and the text"
WAIT = {"Retry-After": "11"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (error(400, 21614, ECHO), Failed(Reason.INVALID_RECIPIENT, "twilio 21614")),
        (error(400, 21610, ECHO), Failed(Reason.BLOCKED, "twilio 21610")),
        (error(403, 21408, ECHO), Failed(Reason.COUNTRY_REFUSED, "twilio 21408")),
        (error(400, 21617, ECHO), Failed(Reason.TOO_LONG, "twilio 21617")),
        (error(400, 21602, ECHO), Failed(Reason.INVALID_CONTENT, "twilio 21602")),
        (error(400, 21606, ECHO), Failed(Reason.REJECTED, "twilio 21606")),
        (error(400, 21660, ECHO), Retry(CREDENTIALS, "twilio 21660")),
        (error(404, 21701, ECHO), Retry(CREDENTIALS, "twilio 21701")),
        (error(404, 20404, ECHO), Retry(CREDENTIALS, "twilio 20404")),
        (error(403, 20005, ECHO), Retry(CREDENTIALS, "twilio 20005")),
        (error(401, 29999, ECHO), Retry(CREDENTIALS, "HTTP 401")),
        (error(400, 21611, ECHO), Retry(LIMITED, "twilio 21611")),
        (error(429, 63038, ECHO), Retry(LIMITED, "twilio 63038")),
        (error(429, 29999, ECHO, WAIT), Retry(LIMITED, "HTTP 429", 11.0)),
        (error(400, 21702, ECHO), Retry(UNAVAILABLE, "twilio 21702")),
        (error(400, 29999, ECHO), Failed(Reason.REJECTED, "twilio 29999")),
        (error(400, None, ECHO), Retry(UNAVAILABLE, "HTTP 400")),
        (error(500, 20500, ECHO), Uncertain(Reason.NO_ANSWER, "HTTP 500")),
        (error(503, 20429, ECHO, WAIT), Uncertain(Reason.NO_ANSWER, "HTTP 503")),
        (Answer(502, {"sid": "SM1"}), Uncertain(Reason.NO_ANSWER, "HTTP 502")),
        (Answer(201, {"sid": None, "to": ECHO}), Uncertain(Reason.NO_ANSWER, "HTTP 201")),
        (Answer(201, {"sid": ["SM1"], "code": 21614}), Uncertain(Reason.NO_ANSWER, "HTTP 201")),
    ],
)
async def test_each_answer_has_its_result(stage: TwilioStage, answer: Answer, expected: SendResult) -> None:
    stage.peer.strange = answer.encode()
    result = await sent(stage, an_sms(stage))
    assert result == expected
    assert "861380000000" not in repr(result)


ONE_SENDER = "either sender or messaging_service_sid must be given"
ONE_LOGIN = "either auth_token, or api_key_sid and api_key_secret, must be given"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"sender": None}, ONE_SENDER),
        ({"messaging_service_sid": SERVICE}, ONE_SENDER),
        ({"auth_token": None}, ONE_LOGIN),
        ({"api_key_sid": KEY, "api_key_secret": SECRET}, ONE_LOGIN),
        ({"auth_token": None, "api_key_sid": KEY}, ONE_LOGIN),
        ({"auth_token": None, "api_key_secret": SECRET}, ONE_LOGIN),
        ({"channel": "email"}, "channel: "),
        ({"account_sid": "ACgeheim"}, "account_sid: "),
        ({"api_key_sid": "geheim"}, "api_key_sid: "),
        ({"auth_token": "geheim\n"}, "auth_token: must be valid in a header"),
        ({"messaging_service_sid": "geheim"}, "messaging_service_sid: "),
        ({"status_callback": "https://receipts_geheim.example.org"}, "status_callback: must have a host without _"),
        ({"status_callback": f"https://geheim.example.org/{'x' * 3_900}"}, "status_callback: "),
        *(
            ({"sender": sender}, "sender: must be a number with +")
            for sender in ("15005550006", "+05005550006", "1234567", "whatsapp:+15005550006", "Geheim Sender", "12-34")
        ),
    ],
)
def test_a_wrong_entry_is_refused_without_its_value(change: dict[str, Any], complaint: str) -> None:
    entry = {"name": "tried", **TwilioStage.entry, **change}
    with pytest.raises(ValueError, match="provider 1: ") as raised:
        parse([{key: value for key, value in entry.items() if value is not None}])
    assert complaint in str(raised.value)
    assert not any(str(value) in str(raised.value) for value in change.values())


class ToLoopback(TwilioHttpClient):
    """HTTP client of the library, with our server in place of Twilio."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        here = url.replace("https://api.twilio.com", f"http://127.0.0.1:{self._port}")
        return super().request(method, here, *args, **kwargs)


@contextmanager
def own_library(stage: TwilioStage, user: str, password: str) -> Iterator[Client]:
    http_client = ToLoopback(stage.peer.port)
    try:
        yield Client(user, password, ACCOUNT, http_client=http_client)
    finally:
        http_client.session.close()


@pytest.mark.parametrize(
    ("entry", "login", "sender"),
    [
        ({}, (ACCOUNT, TOKEN), {"from_": NUMBER}),
        (
            {**WITH_KEY, "sender": None, "messaging_service_sid": SERVICE},
            (KEY, SECRET),
            {"messaging_service_sid": SERVICE},
        ),
    ],
)
async def test_twilios_own_library_sends_the_same_request_and_understands_the_answer(
    stage: TwilioStage, entry: dict[str, Any], login: tuple[str, str], sender: dict[str, str]
) -> None:
    message = an_sms(stage)
    with own_library(stage, *login) as client:
        created = await asyncio.to_thread(
            client.messages.create,
            to=message.to,
            body=message.text,
            status_callback=f"{CALLBACK}?delivery_id=log_1",
            **sender,
        )
    assert created.sid == stage.message_id("log_1")
    assert created.status == ("queued" if "from_" in sender else "accepted")
    await sent(stage, message, **entry)
    theirs, ours = stage.peer.requests
    assert (ours.method, ours.path, ours.form()) == (theirs.method, theirs.path, theirs.form())
    for name in ("authorization", "content-type"):
        assert ours.headers[name] == theirs.headers[name]


@pytest.mark.parametrize(
    ("act", "password", "status", "code"),
    [(Act.REFUSE, TOKEN, 400, 21211), (Act.THROTTLE, TOKEN, 429, 20429), (Act.TAKE, "wrong", 401, 20003)],
)
async def test_twilios_own_library_understands_the_errors(
    stage: TwilioStage, act: Act, password: str, status: int, code: int
) -> None:
    with own_library(stage, ACCOUNT, password) as client, pytest.raises(TwilioRestException) as raised:
        await asyncio.to_thread(client.messages.create, to=stage.address(act), body="Hello", from_=NUMBER)
    assert (raised.value.status, raised.value.code) == (status, code)
