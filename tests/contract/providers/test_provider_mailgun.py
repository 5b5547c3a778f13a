"""Kind `mailgun`: what each recipient gets, what the answers mean, and Mailgun's own library at the same server."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from mailgun.builders import MailgunMessageBuilder
from mailgun.client import Client

from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from schemas.statuses import Channel, Reason
from tests.contract.providers.stage import build
from tests.contract.providers.vendors.mailgun import DOMAIN, KEY, MESSAGE_ID, MailgunServer, MailgunStage, form_of
from tests.contract.providers.vendors.server import Answer
from tests.support.drafts import send, send_all

KIND = "mailgun"


def server(stage: MailgunStage) -> MailgunServer:
    assert isinstance(stage.peer, MailgunServer)
    return stage.peer


def a_mail(number: int = 1, **fields: Any) -> Message:
    usual = {"text": "Hello", "subject": "News", "is_html": False, "reference": None, "tenant_id": "tnt_1"}
    return Message(f"log_{number}", Channel.EMAIL, f"take.{number}@example.com", **{**usual, **fields})


async def received(stage: MailgunStage, *mails: Message, **entry: Any) -> list[dict[str, str]]:
    """Send the mails in one batch, and return what each recipient gets, call by call."""
    provider = stage.provider(**entry)
    answers = await send_all(provider, *mails)
    await provider.aclose()
    assert {type(answer) for answer in answers} == {Sent}
    return server(stage).mails


async def test_a_thousand_mails_with_one_text_are_one_call_that_has_it_once(stage: MailgunStage) -> None:
    mails = await received(stage, *(a_mail(number) for number in range(1_000)))
    assert len(mails) == 1_000
    assert mails[7] == {
        "from": "Us <us@example.org>",
        "to": "take.7@example.com",
        "subject": "News",
        "text": "Hello",
        "v:delivery_id": "log_7",
    }
    (request,) = stage.peer.requests
    assert request.body.count(b"Hello") == 1


async def test_texts_that_differ_reach_their_recipients_and_html_has_a_text_part(stage: MailgunStage) -> None:
    mails = await received(
        stage, *(a_mail(n, text=f"<p>你好 {n}</p>", subject=f"第 {n}", is_html=True) for n in (1, 2))
    )
    assert stage.arrived() == 1
    assert [(mail["to"], mail["subject"], mail["text"], mail["html"]) for mail in mails] == [
        ("take.1@example.com", "第 1", "你好 1", "<p>你好 1</p>"),
        ("take.2@example.com", "第 2", "你好 2", "<p>你好 2</p>"),
    ]


@pytest.mark.parametrize(
    "alone",
    [
        a_mail(1, text="Write %recipient.subject% here"),
        a_mail(1, subject="100%RECIPIENT%"),
        a_mail(1, text="Leave at %tag_unsubscribe_url%"),
        a_mail(1, cc=("boss@example.com",)),
        replace(a_mail(1), to="take.a+b@example.com"),
        replace(a_mail(1), to="take.A@example.com"),
    ],
    ids=["variable", "subject", "unsubscribe", "copy", "plus", "capital"],
)
async def test_a_mail_that_variables_could_change_has_a_call_without_any(stage: MailgunStage, alone: Message) -> None:
    *shared, last = await received(stage, a_mail(0, text="A"), alone, a_mail(2, text="B"))
    assert [mail["v:delivery_id"] for mail in shared] == ["log_0", "log_2"]
    assert (last["to"], last["subject"], last["v:delivery_id"]) == (alone.to, alone.subject, "log_1")
    assert (last["text"], last.get("cc")) == (alone.text, alone.cc[0] if alone.cc else None)
    assert "recipient-variables" not in dict(form_of(stage.peer.requests[-1]))


async def test_each_mail_carries_its_own_unsubscribe_link_or_none(stage: MailgunStage) -> None:
    linked = [replace(a_mail(number), variables={"id": str(number)}) for number in (1, 2)]
    mails = await received(stage, a_mail(0), *linked, list_unsubscribe="https://x.example/u?id={{id}}")
    assert [mail.get("h:List-Unsubscribe") for mail in mails] == [
        None,
        "<https://x.example/u?id=1>",
        "<https://x.example/u?id=2>",
    ]
    assert mails[1]["h:List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert stage.arrived() == 2


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        ("Us, Inc. <us@example.org>", '"Us, Inc." <us@example.org>'),
        ("Wir über uns <us@example.org>", "=?utf-8?q?Wir_=C3=BCber_uns?= <us@example.org>"),
    ],
)
async def test_a_name_with_special_characters_stays_one_mailbox(
    stage: MailgunStage, sender: str, expected: str
) -> None:
    (mail,) = await received(stage, a_mail(reply_to=sender), sender=sender)
    assert mail["from"] == mail["h:Reply-To"] == expected


@pytest.mark.parametrize(
    ("mail", "expected"),
    [
        (
            a_mail(reply_to=f"{'n' * 13_300} <us@example.org>"),
            Failed(Reason.INVALID_CONTENT, "headers of more than 16 kB"),
        ),
        (a_mail(text="x" * 25_000_000), Failed(Reason.TOO_LONG, "more than 25 MB")),
    ],
    ids=["options", "message"],
)
async def test_what_mailgun_would_refuse_for_its_size_is_not_sent(
    stage: MailgunStage, mail: Message, expected: SendResult
) -> None:
    provider = stage.provider()
    assert await send(provider, mail) == expected
    await provider.aclose()
    assert stage.arrived() == 0


def text(status: int, message: object, **headers: str) -> Answer:
    return Answer(status, {"message": message}, {name.replace("_", "-"): value for name, value in headers.items()})


INVALID_TO = "parameter is not a valid address. please check documentation"
LIMITED = "Domain mg.example.org is not allowed to send: recipient limit exceeded, try again after"
UNAVAILABLE, CREDENTIALS = Reason.UNAVAILABLE, Reason.PROVIDER_REJECTED_CREDENTIALS


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (text(400, f"to {INVALID_TO}"), Failed(Reason.INVALID_RECIPIENT, "mailgun to-address")),
        (text(400, f"'to' {INVALID_TO}"), Failed(Reason.INVALID_RECIPIENT, "mailgun to-address")),
        (text(400, "to parameter is missing"), Failed(Reason.INVALID_RECIPIENT, "mailgun to-address")),
        (text(400, f"cc {INVALID_TO}"), Failed(Reason.REJECTED, "mailgun cc-address")),
        (text(400, f"from {INVALID_TO}"), Retry(CREDENTIALS, "mailgun from-address")),
        (
            text(400, "Need at least one of 'text' or 'html' parameters specified"),
            Failed(Reason.INVALID_CONTENT, "mailgun no-content"),
        ),
        (
            text(400, "Send options (parameters starting with o:, h:, or v:) are limited to 16 kB total"),
            Failed(Reason.INVALID_CONTENT, "mailgun large-options"),
        ),
        (text(400, "Too many recipients, max is 1000"), Failed(Reason.REJECTED, "mailgun many-recipients")),
        (
            text(403, "Domain mg.example.org is not allowed to send large batches yet"),
            Failed(Reason.REJECTED, "mailgun large-batch"),
        ),
        (
            text(400, "Domain mg.example.org is not allowed to send: Free accounts are for test purposes only."),
            Retry(CREDENTIALS, "mailgun not-allowed"),
        ),
        (text(404, "Domain not found: mg.example.org"), Retry(CREDENTIALS, "mailgun unknown-domain")),
        (text(413, "request size exceeds 52.4MiB limit"), Failed(Reason.TOO_LONG, "mailgun 413")),
        (text(400, "take.1@example.com"), Failed(Reason.REJECTED, "mailgun (unknown)")),
        (text(400, "geheim"), Failed(Reason.REJECTED, "mailgun (unknown)")),
        (text(400, {"to": "take.1@example.com"}), Retry(UNAVAILABLE, "HTTP 400")),
        (Answer(400, b"<html>take.1@example.com</html>"), Retry(UNAVAILABLE, "HTTP 400")),
        (Answer(401, "Forbidden"), Retry(CREDENTIALS, "HTTP 401")),
        (text(402, "Request Failed"), Retry(UNAVAILABLE, "HTTP 402")),
        (text(403, "Rejected: IP 192.0.2.1 can't be used to send the message"), Retry(CREDENTIALS, "HTTP 403")),
        (text(404, "Not found"), Retry(UNAVAILABLE, "HTTP 404")),
        (text(429, "Too Many Requests"), Retry(Reason.RATE_LIMITED, "HTTP 429")),
        (text(429, "", X_RateLimit_Reset="soon"), Retry(Reason.RATE_LIMITED, "HTTP 429")),
        (text(429, f"{LIMITED} 9 seconds", Retry_After="7"), Retry(Reason.RATE_LIMITED, "HTTP 429", 7.0)),
        (text(429, f"{LIMITED} 120 seconds"), Retry(Reason.RATE_LIMITED, "HTTP 429", 120.0)),
        (text(420, f"{LIMITED} Mon, 20 Dec 2021 20:33:21 UTC"), Retry(Reason.RATE_LIMITED, "HTTP 420", 0.0)),
        (text(500, "Internal Server Error"), Uncertain(Reason.NO_ANSWER, "HTTP 500")),
        (Answer(200, "Mailgun Magnificent API"), Uncertain(Reason.NO_ANSWER, "HTTP 200")),
        (Answer(200, {"id": "", "message": "Queued. Thank you."}), Uncertain(Reason.NO_ANSWER, "HTTP 200")),
        (Answer(202, {"id": "<1@mg.example.org>"}), Uncertain(Reason.NO_ANSWER, "HTTP 202")),
    ],
)
async def test_each_answer_has_its_result(stage: MailgunStage, answer: Answer, expected: SendResult) -> None:
    stage.peer.strange = answer.encode()
    provider = stage.provider()
    result = await send(provider, a_mail())
    await provider.aclose()
    assert result == expected
    assert "take.1" not in repr(result)
    assert "geheim" not in repr(result)


@pytest.mark.parametrize(
    "answer",
    [
        lambda: text(429, f"{LIMITED} {format_datetime(datetime.now(UTC) + timedelta(seconds=60))}"),
        lambda: text(429, "Too Many Requests", X_RateLimit_Reset=f"{time.time() + 60:.3f}"),
    ],
    ids=["date", "header"],
)
async def test_a_rate_limit_ends_at_the_time_that_mailgun_names(stage: MailgunStage, answer: Any) -> None:
    stage.peer.strange = answer().encode()
    provider = stage.provider()
    result = await send(provider, a_mail())
    await provider.aclose()
    assert isinstance(result, Retry)
    assert result.delay_seconds == pytest.approx(60, abs=5)


@pytest.mark.parametrize("domain", ["", "mg.example.org/messages", "..", "mg example.org"])
def test_a_domain_that_would_change_the_path_is_refused_and_not_shown(domain: str) -> None:
    with pytest.raises(ValueError, match="provider 1: domain: ") as error:
        build(**{**MailgunStage.entry, "domain": domain})
    assert not domain or domain not in str(error.value)


def by_the_library(stage: MailgunStage, *addresses: str, key: str = KEY) -> Any:
    """Send mails to the addresses, with Mailgun's library."""
    builder = MailgunMessageBuilder("Us <us@example.org>").set_subject("News").set_text("%recipient.text%")
    for address in addresses:
        builder.add_recipient(address)
    builder.add_custom_variable("delivery_id", "%recipient.id%").set_idempotency_safe(safe=False)
    variables = {address: {"text": f"Hello {n}", "id": f"log_{n}"} for n, address in enumerate(addresses, 1)}
    fields, files = builder.set_recipient_variables(variables).build()
    client = Client(auth=("api", key), api_url=f"http://127.0.0.1:{stage.peer.port}")
    return client.messages.create(data=fields, files=files, domain=DOMAIN)


async def test_mailguns_own_library_is_understood_and_understands_the_answer(stage: MailgunStage) -> None:
    mails = [a_mail(number, text=f"Hello {number}") for number in (1, 2)]
    response = await asyncio.to_thread(by_the_library, stage, *(mail.to for mail in mails))
    assert (response.status_code, response.json()["id"]) == (200, f"<{MESSAGE_ID}>")
    *theirs, first, second = await received(stage, *mails)
    assert theirs == [first, second]
    library, ours = stage.peer.requests
    assert library.path == ours.path
    assert library.headers["authorization"] == ours.headers["authorization"]


@pytest.mark.parametrize(
    ("address", "key", "expected"),
    [
        ("refuse.1@example.com", KEY, (400, {"message": f"to {INVALID_TO}"})),
        ("take.1@example.com", "no", (401, "Forbidden")),
    ],
)
async def test_mailguns_own_library_understands_a_refusal(
    stage: MailgunStage, address: str, key: str, expected: tuple[int, object]
) -> None:
    response = await asyncio.to_thread(by_the_library, stage, address, key=key)
    assert (response.status_code, response.json()) == expected
