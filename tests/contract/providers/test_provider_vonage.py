"""Kind `vonage`: what a call contains, what the statuses of its parts mean, and Vonage's own library at the server."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from vonage_http_client import Auth, HttpClient, HttpClientOptions
from vonage_sms import PartialFailureError, Sms, SmsError, SmsMessage

from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from providers.config_file import parse
from schemas.statuses import Channel, Reason
from tests.contract.providers.certificates import server_context
from tests.contract.providers.servers import Act, SilentPeer
from tests.contract.providers.vendors.server import Answer, address_for
from tests.contract.providers.vendors.vonage import KEY, SECRET, VonageStage, answer
from tests.support.drafts import send

KIND = "vonage"

TO = address_for(Channel.SMS, Act.TAKE)
UNCERTAIN = Reason.NO_ANSWER
CREDENTIALS = Reason.PROVIDER_REJECTED_CREDENTIALS
IDS = ["0A1B2C3D4E5F6071", "0A1B2C3D4E5F6072"]


def an_sms(text: str = "Hello") -> Message:
    return Message("log_1", Channel.SMS, TO, text, None, is_html=False, reference=None, tenant_id="tnt_1")


async def result_of(stage: VonageStage, message: Message, **entry: Any) -> SendResult:
    provider = stage.provider(**entry)
    result = await send(provider, message)
    await provider.aclose()
    return result


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Hello ß €", "text"), ("héllo", "text"), ("garçon", "unicode"), ("你好", "unicode"), ("👋", "unicode")],
)
async def test_a_text_beyond_gsm_7_is_sent_as_unicode(stage: VonageStage, text: str, expected: str) -> None:
    assert isinstance(await result_of(stage, an_sms(text)), Sent)
    (request,) = stage.peer.requests
    assert (request.form()["text"], request.form()["type"]) == (text, expected)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (answer("0", ids=IDS), Sent(IDS[0], "vonage 0")),
        (answer("0", "0", ids=IDS), Sent(IDS[0], "vonage 0")),
        (answer("1"), Retry(Reason.RATE_LIMITED, "vonage 1")),
        (answer("2"), Failed(Reason.INVALID_CONTENT, "vonage 2")),
        (answer("3"), Failed(Reason.REJECTED, "vonage 3")),
        (answer("4"), Retry(CREDENTIALS, "vonage 4")),
        (answer("5"), Uncertain(UNCERTAIN, "vonage 5")),
        (answer("6"), Failed(Reason.REJECTED, "vonage 6")),
        (answer("7"), Failed(Reason.BLOCKED, "vonage 7")),
        (answer("8"), Retry(CREDENTIALS, "vonage 8")),
        (answer("9"), Retry(CREDENTIALS, "vonage 9")),
        (answer("10"), Retry(Reason.RATE_LIMITED, "vonage 10")),
        (answer("11"), Retry(CREDENTIALS, "vonage 11")),
        (answer("12"), Failed(Reason.TOO_LONG, "vonage 12")),
        (answer("14"), Retry(CREDENTIALS, "vonage 14")),
        (answer("15"), Failed(Reason.REJECTED, "vonage 15")),
        (answer("22"), Failed(Reason.REJECTED, "vonage 22")),
        (answer("23"), Failed(Reason.REJECTED, "vonage 23")),
        (answer("29"), Retry(CREDENTIALS, "vonage 29")),
        (answer("32"), Retry(CREDENTIALS, "vonage 32")),
        (answer("33"), Failed(Reason.INVALID_RECIPIENT, "vonage 33")),
        (answer("99"), Failed(Reason.REJECTED, "vonage 99")),
        (answer(TO), Failed(Reason.REJECTED, "vonage (unknown)")),
        # Some parts were taken: a repeat would send them twice, and a failure would be wrong about them.
        (answer("0", "1", ids=IDS), Uncertain(UNCERTAIN, "vonage 1, but other parts were taken")),
        (answer("9", "0", ids=IDS), Uncertain(UNCERTAIN, "vonage 9, but other parts were taken")),
        (answer("0", TO, ids=IDS), Uncertain(UNCERTAIN, "vonage (unknown), but other parts were taken")),
        # No part was taken for certain.
        (answer("1", "5"), Uncertain(UNCERTAIN, "vonage 5")),
        (answer("1", "9"), Retry(Reason.RATE_LIMITED, "vonage 1")),
        # The body is not that of the API.
        (answer(), Uncertain(UNCERTAIN, "HTTP 200")),
        (Answer(200, {"messages": [{"status": 0}]}), Uncertain(UNCERTAIN, "HTTP 200")),
        (Answer(200, {"messages": [None, {"status": "0"}]}), Uncertain(UNCERTAIN, "HTTP 200")),
        (Answer(202, answer("0", ids=IDS).body), Uncertain(UNCERTAIN, "HTTP 202")),
        (Answer(401, answer("4").body), Retry(CREDENTIALS, "HTTP 401")),
        (Answer(500, answer("1").body), Uncertain(UNCERTAIN, "HTTP 500")),
    ],
)
async def test_each_answer_has_its_result(stage: VonageStage, given: Answer, expected: SendResult) -> None:
    stage.peer.strange = given.encode()
    assert await result_of(stage, an_sms()) == expected


async def test_wrong_credentials_are_refused(stage: VonageStage) -> None:
    assert await result_of(stage, an_sms(), api_secret="wrong") == Retry(CREDENTIALS, "vonage 4")
    assert stage.taken() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sender", "+447700900000"),
        ("sender", "00447700900000"),
        ("sender", "4477009000001234"),
        ("sender", "My Brand"),
        ("sender", "LongBrandName"),
        ("sender", "Zoë"),
        ("api_key", "key:secret"),
        ("api_secret", "secret\n"),
        ("channel", "email"),
    ],
)
def test_a_wrong_entry_is_refused_and_its_value_is_not_shown(field: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"provider 1: {field}: ") as refused:
        parse([{"name": "tried", **VonageStage.entry, field: value}])
    assert value not in str(refused.value)


@pytest.mark.parametrize("sender", ["447700900000", "60606", "Acme-24/7", "4ever"])
def test_a_number_and_a_name_may_be_the_sender(sender: str) -> None:
    assert parse([{"name": "tried", **VonageStage.entry, "sender": sender}])[0].sender == sender


async def test_vonages_own_library_is_understood_and_understands_the_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = VonageStage(SilentPeer())
    stage.peer.tls, trusted = server_context(tmp_path)  # the library speaks TLS only
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    message = an_sms("你好" * 50)
    async with stage.peer.running():
        options = HttpClientOptions(rest_host=f"127.0.0.1:{stage.peer.port}", max_retries=0)
        library = Sms(HttpClient(Auth(KEY, SECRET), options))
        sms = SmsMessage(to=TO[1:], from_="Rollcall", text=message.text, client_ref="log_1", type="unicode")
        response = await asyncio.to_thread(library.send, sms)
        base_url = f"https://127.0.0.1:{stage.peer.port}"
        result = await result_of(stage, message, base_url=base_url, ca_file=str(trusted))
        stage.peer.strange = answer("0", "1", ids=IDS).encode()
        with pytest.raises(PartialFailureError):
            await asyncio.to_thread(library.send, sms)
        stage.peer.strange = answer("9").encode()
        with pytest.raises(SmsError, match="error code 9"):
            await asyncio.to_thread(library.send, sms)

    assert [part.status for part in response.messages] == ["0", "0"]
    assert response.messages[0].client_ref == "log_1"
    assert isinstance(result, Sent)
    theirs, ours = stage.peer.requests[:2]
    assert theirs.form() == ours.form()
    assert theirs.headers["authorization"] == ours.headers["authorization"]
