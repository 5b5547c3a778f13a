"""Kind `smtp` with aiosmtpd, a real mail server: TLS, passwords, and parsed e-mails."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from core.send_result import Failed, Message, Retry, SendResult, Sent
from devstack.processes import free_port
from providers.smtp import SmtpEntry, SmtpProvider
from schemas.statuses import Category, Channel, Reason
from tests.contract.providers.certificates import server_context
from tests.support.drafts import send

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass
class Mailbox:
    """E-mails that arrived at aiosmtpd."""

    port: int = 0
    trusted: Path | None = None
    envelopes: list[Envelope] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: ARG002, N802
        self.envelopes.append(envelope)
        return "250 2.0.0 taken"

    def mail(self) -> EmailMessage:
        (envelope,) = self.envelopes
        assert isinstance(envelope.content, bytes)
        parsed = message_from_bytes(envelope.content, policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed


def serve(mailbox: Mailbox, **options: Any) -> Iterator[Mailbox]:
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    mailbox.port = controller.port
    yield mailbox
    controller.stop()


def authenticate(*arguments: Any) -> AuthResult:
    given = arguments[-1]
    right = isinstance(given, LoginPassword) and (given.login, given.password) == (b"us", b"geheim")
    return AuthResult(success=right, handled=False)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    yield from serve(Mailbox())


@pytest.fixture(params=["starttls", "tls"])
def locked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Mailbox, str]]:
    """Return a server that requires TLS and a password."""
    context, trusted = server_context(tmp_path)
    mailbox = Mailbox(trusted=trusted)
    tls: dict[str, Any] = {"tls_context": context, "require_starttls": True, "auth_required": True}
    if request.param == "tls":
        tls = {"ssl_context": context, "auth_require_tls": False}
    for served in serve(mailbox, authenticator=authenticate, **tls):
        yield served, request.param


def a_message(**other: Any) -> Message:
    usual = {
        "id": "log_1",
        "channel": Channel.EMAIL,
        "to": "somebody@example.com",
        "text": "您的验证码是 7\n.\n..\nBye",
        "subject": "Größe, 尺寸 und ein recht langer Betreff, der über mehrere Zeilen geht",
        "is_html": False,
        "reference": None,
        "tenant_id": "tnt_1",
    }
    return Message(**{**usual, **other})


async def ask(mailbox: Mailbox, message: Message | None = None, **entry: Any) -> SendResult:
    usual = {"name": "post", "kind": "smtp", "host": "127.0.0.1", "port": mailbox.port, "tls": "none"}
    made = SmtpEntry.model_validate({**usual, "sender": "Müller, Shop <us@example.org>", **entry})
    provider = SmtpProvider(made, now=NOW.timestamp)
    answer = await send(provider, message or a_message())
    await provider.aclose()
    return answer


async def test_a_mail_reads_back_as_it_was_meant(mailbox: Mailbox) -> None:
    answer = await ask(mailbox)

    mail = mailbox.mail()
    assert answer == Sent("log_1@example.org", "SMTP 250 2.0.0")
    assert mailbox.envelopes[0].mail_from == "us@example.org"
    assert mailbox.envelopes[0].rcpt_tos == ["somebody@example.com"]
    sender = mail["From"]
    assert isinstance(sender, AddressHeader)
    assert (sender.addresses[0].display_name, sender.addresses[0].addr_spec) == ("Müller, Shop", "us@example.org")
    assert mail["To"] == "somebody@example.com"
    assert mail["Subject"] == a_message().subject
    assert parsedate_to_datetime(mail["Date"]) == NOW
    assert mail["Message-ID"] == "<log_1@example.org>"
    assert mail["MIME-Version"] == "1.0"
    assert mail["List-Unsubscribe"] is None
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().splitlines() == a_message().text.splitlines()
    assert mail.defects == []


async def test_html_comes_with_a_text_part_before_it(mailbox: Mailbox) -> None:
    html = "<p>Grüße an <b>Ömer</b></p>"

    await ask(mailbox, a_message(text=html, is_html=True))

    mail = mailbox.mail()
    text, rich = mail.iter_parts()
    assert mail.get_content_type() == "multipart/alternative"
    assert isinstance(text, EmailMessage)
    assert isinstance(rich, EmailMessage)
    assert [text.get_content_type(), rich.get_content_type()] == ["text/plain", "text/html"]
    assert text.get_content().strip() == "Grüße an Ömer"
    assert rich.get_content().strip() == html


async def test_one_click_unsubscribing_is_offered_if_the_uri_names_the_recipient(mailbox: Mailbox) -> None:
    uri = "https://example.org/unsubscribe?list=" + "x" * 200

    await ask(mailbox, a_message(variables={"id": "17"}), list_unsubscribe=uri + "&id={{id}}")

    mail = mailbox.mail()
    assert mail["List-Unsubscribe"] == f"<{uri}&id=17>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


async def test_a_fixed_uri_is_no_offer_of_one_click(mailbox: Mailbox) -> None:
    await ask(mailbox, list_unsubscribe="https://example.org/unsubscribe")

    mail = mailbox.mail()
    assert mail["List-Unsubscribe"] == "<https://example.org/unsubscribe>"
    assert mail["List-Unsubscribe-Post"] is None


async def test_marketing_without_a_variable_of_the_uri_is_not_sent(mailbox: Mailbox) -> None:
    message = a_message(category=Category.MARKETING, request_variables={"name": "Anna"})

    answer = await ask(mailbox, message, list_unsubscribe="https://example.org/u?id={{id}}")

    assert answer == Failed(Reason.MISSING_VARIABLE, "list_unsubscribe: missing variable: id")
    assert mailbox.envelopes == []


async def test_marketing_with_a_uri_that_fits_no_line_is_not_sent(mailbox: Mailbox) -> None:
    message = a_message(category=Category.MARKETING, variables={"id": "x" * 1_000})

    answer = await ask(mailbox, message, list_unsubscribe="https://example.org/u?id={{id}}")

    assert answer == Failed(Reason.INVALID_CONTENT, "not usable in a mail's headers or text")
    assert mailbox.envelopes == []


@pytest.mark.parametrize("variables", [{}, {"id": "x" * 1_000}])
async def test_a_transactional_mail_goes_out_without_a_uri_that_cannot_be_rendered(
    mailbox: Mailbox, variables: dict[str, str]
) -> None:
    answer = await ask(
        mailbox, a_message(variables=variables), list_unsubscribe="<https://example.org/{{id}}>, <mailto:u@example.org>"
    )

    assert isinstance(answer, Sent)
    mail = mailbox.mail()
    assert (mail["List-Unsubscribe"], mail["List-Unsubscribe-Post"]) == (None, None)


async def test_it_logs_in_over_tls(locked: tuple[Mailbox, str]) -> None:
    mailbox, tls = locked

    answer = await ask(mailbox, tls=tls, username="us", password="geheim", ca_file=mailbox.trusted)

    assert isinstance(answer, Sent)


async def test_a_wrong_password_is_the_sessions_fault_and_not_the_mails(locked: tuple[Mailbox, str]) -> None:
    mailbox, tls = locked

    answer = await ask(mailbox, tls=tls, username="us", password="falsch", ca_file=mailbox.trusted)

    assert answer == Retry(Reason.PROVIDER_REJECTED_CREDENTIALS, "AUTH: SMTP 535")


async def test_a_certificate_that_it_does_not_trust_gets_no_password(locked: tuple[Mailbox, str]) -> None:
    mailbox, tls = locked

    answer = await ask(mailbox, tls=tls, username="us", password="geheim")

    step = "STARTTLS" if tls == "starttls" else "connecting"
    assert answer == Retry(Reason.UNAVAILABLE, f"{step}: certificate refused")


async def test_without_starttls_there_is_no_mail(mailbox: Mailbox) -> None:
    answer = await ask(mailbox, tls="starttls")

    assert isinstance(answer, Retry)
    assert mailbox.envelopes == []


async def test_headers_of_bulk_mail_are_those_of_the_entry(mailbox: Mailbox) -> None:
    bulk = {"list_id": "Neuigkeiten für alle <news.example.org>", "feedback_id": "june:shop:news:example"}
    await ask(mailbox, **bulk, auto_submitted=True)

    mail = mailbox.mail()
    assert mail["List-Id"] == "Neuigkeiten für alle <news.example.org>"
    assert (mail["Feedback-ID"], mail["Auto-Submitted"]) == ("june:shop:news:example", "auto-generated")
