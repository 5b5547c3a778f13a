"""Kind `sendgrid`: what a call contains, what its errors mean, and SendGrid's own library at the same server."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest
import sendgrid
from sendgrid.helpers.mail import Mail

from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from providers.http_batch import NOT_REACHED
from schemas.statuses import Channel, Reason
from tests.contract.providers.vendors.sendgrid import KEY, MESSAGE_ID, SendgridStage
from tests.contract.providers.vendors.server import Answer, Request
from tests.support.drafts import send, send_all

KIND = "sendgrid"


def a_mail(number: int = 1, **fields: Any) -> Message:
    usual = {"text": "Hello", "subject": "News", "is_html": False, "reference": None, "tenant_id": "tnt_1"}
    return Message(f"log_{number}", Channel.EMAIL, f"take.{number}@example.com", **{**usual, **fields})


async def bodies(stage: SendgridStage, *mails: Message, **entry: Any) -> list[Any]:
    """Send the mails in one batch, and return the bodies of the calls."""
    provider = stage.provider(**entry)
    answers = await send_all(provider, *mails)
    await provider.aclose()
    assert {type(answer) for answer in answers} == {Sent}
    return [request.json() for request in stage.peer.requests]


async def test_a_thousand_mails_with_one_text_are_one_call_without_substitutions(stage: SendgridStage) -> None:
    (body,) = await bodies(stage, *(a_mail(number) for number in range(1_000)))
    assert len(body["personalizations"]) == 1_000
    assert body["content"] == [{"type": "text/plain", "value": "Hello"}]
    assert body["from"] == {"email": "us@example.org", "name": "Us"}
    assert body["personalizations"][7] == {
        "to": [{"email": "take.7@example.com"}],
        "subject": "News",
        "custom_args": {"delivery_id": "log_7"},
    }


async def test_texts_that_differ_are_substituted_and_html_has_a_text_part(stage: SendgridStage) -> None:
    (body,) = await bodies(stage, *(a_mail(n, text=f"<p>Hello {n}</p>", is_html=True) for n in (1, 2)))
    types = [part["type"] for part in body["content"]]
    texts = [[block["substitutions"][part["value"]] for part in body["content"]] for block in body["personalizations"]]
    assert types == ["text/plain", "text/html"]
    assert texts == [["Hello 1", "<p>Hello 1</p>"], ["Hello 2", "<p>Hello 2</p>"]]


async def test_a_long_text_and_a_mail_with_copies_have_calls_of_their_own(stage: SendgridStage) -> None:
    copied = replace(a_mail(2, text="Copied"), cc=("boss@example.com",), reply_to="Help <help@example.org>")
    sent = await bodies(stage, a_mail(1, text="A"), copied, a_mail(3, text="x" * 10_001), a_mail(4, text="B"))
    ids = [[block["custom_args"]["delivery_id"] for block in body["personalizations"]] for body in sent]
    assert ids == [["log_1", "log_4"], ["log_2"], ["log_3"]]
    assert sent[1]["personalizations"][0]["cc"] == [{"email": "boss@example.com"}]
    assert sent[1]["reply_to"] == {"email": "help@example.org", "name": "Help"}
    assert "substitutions" not in sent[2]["personalizations"][0]


async def test_after_half_of_the_time_out_no_further_call_begins(
    stage: SendgridStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    respond = stage.peer.respond

    def respond_late(request: Request) -> Answer:
        time.sleep(0.6)
        return respond(request)

    monkeypatch.setattr(stage.peer, "respond", respond_late)
    provider = stage.provider(timeout_seconds=1, concurrency=1)
    answers = await send_all(provider, *(a_mail(number, cc=("boss@example.com",)) for number in (1, 2)))
    await provider.aclose()
    assert isinstance(answers[0], Sent)
    assert answers[1] == NOT_REACHED
    assert stage.arrived() == 1


async def test_each_mail_carries_its_own_unsubscribe_link(stage: SendgridStage) -> None:
    mails = [replace(a_mail(number), variables={"id": str(number)}) for number in (1, 2)]
    bulk = {"list_unsubscribe": "https://x.example/u?id={{id}}", "list_id": "<news.example.org>"}
    (body,) = await bodies(stage, *mails, **bulk)
    assert [block["headers"]["List-Unsubscribe"] for block in body["personalizations"]] == [
        "<https://x.example/u?id=1>",
        "<https://x.example/u?id=2>",
    ]
    assert body["personalizations"][0]["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert body["personalizations"][0]["headers"]["List-Id"] == "<news.example.org>"


def error(status: int, field: str | None, **headers: str) -> Answer:
    return Answer(status, {"errors": [{"message": "take.1@example.com", "field": field}]}, headers)


UNAVAILABLE, CREDENTIALS = Reason.UNAVAILABLE, Reason.PROVIDER_REJECTED_CREDENTIALS


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            error(400, "personalizations.0.to.0.email"),
            Failed(Reason.INVALID_RECIPIENT, "sendgrid personalizations.to.email"),
        ),
        (error(400, "personalizations.0.cc.0.email"), Failed(Reason.REJECTED, "sendgrid personalizations.cc.email")),
        (error(400, "subject"), Failed(Reason.INVALID_CONTENT, "sendgrid subject")),
        (error(400, "content.0.value"), Failed(Reason.INVALID_CONTENT, "sendgrid content.value")),
        (error(400, "from.email"), Retry(CREDENTIALS, "sendgrid from.email")),
        (error(400, "send_at"), Failed(Reason.REJECTED, "sendgrid send_at")),
        (error(400, "take.1@example.com"), Failed(Reason.REJECTED, "sendgrid (unknown)")),
        (error(400, None), Retry(UNAVAILABLE, "HTTP 400")),
        (Answer(400, b"<html>take.1@example.com</html>"), Retry(UNAVAILABLE, "HTTP 400")),
        (error(401, None), Retry(CREDENTIALS, "HTTP 401")),
        (error(403, "from"), Retry(CREDENTIALS, "HTTP 403")),
        (error(406, None), Retry(UNAVAILABLE, "HTTP 406")),
        (error(413, None), Failed(Reason.TOO_LONG, "sendgrid 413")),
        (error(429, None), Retry(Reason.RATE_LIMITED, "HTTP 429")),
        (error(429, None, **{"X-RateLimit-Reset": "1"}), Retry(Reason.RATE_LIMITED, "HTTP 429", 0.0)),
        (error(429, None, **{"X-RateLimit-Reset": "soon"}), Retry(Reason.RATE_LIMITED, "HTTP 429")),
        (error(500, None), Uncertain(Reason.NO_ANSWER, "HTTP 500")),
        (Answer(200, {}), Uncertain(Reason.NO_ANSWER, "HTTP 200")),
    ],
)
async def test_each_answer_has_its_result(stage: SendgridStage, answer: Answer, expected: SendResult) -> None:
    stage.peer.strange = answer.encode()
    provider = stage.provider()
    result = await send(provider, a_mail())
    await provider.aclose()
    assert result == expected
    assert "take.1" not in repr(result)


async def test_a_sender_that_is_not_verified_is_not_blamed_on_the_mails(stage: SendgridStage) -> None:
    stage.peer.strange = error(400, "reply_to.email").encode()
    provider = stage.provider()
    answers = await send_all(provider, a_mail(1), a_mail(2))
    await provider.aclose()
    assert answers == [Failed(Reason.REJECTED, "sendgrid reply_to.email")] * 2
    assert stage.arrived() == 1


async def test_sendgrids_own_library_is_understood_and_understands_the_answer(stage: SendgridStage) -> None:
    client = sendgrid.SendGridAPIClient(KEY, host=f"http://127.0.0.1:{stage.peer.port}")
    mail = Mail("us@example.org", "take.1@example.com", "News", "Hello")
    mail.personalizations[0].add_custom_arg(sendgrid.CustomArg("delivery_id", "log_1"))
    response = await asyncio.to_thread(client.send, mail)
    assert (response.status_code, response.headers["X-Message-Id"]) == (202, MESSAGE_ID)
    _, body = await bodies(stage, a_mail())
    theirs, ours = (request.headers["authorization"] for request in stage.peer.requests)
    assert theirs == ours
    assert body["personalizations"][0]["to"] == mail.get()["personalizations"][0]["to"]
