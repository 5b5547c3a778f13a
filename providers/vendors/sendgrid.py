"""Kind `sendgrid`: e-mail through the Mail Send API of Twilio SendGrid.

Limits and fields are those of https://www.twilio.com/docs/sendgrid/api-reference/mail-send.
"""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from core.addresses.mailbox import split_mailbox
from core.json_bytes import json_bytes
from core.send_result import Message, Sent
from providers.http_api import ApiAnswer, HttpApi, HttpRequest, OneForAll, Results, result_of_status
from providers.http_api_provider import HttpApiProvider
from providers.http_client import HttpUrl
from providers.http_entry import HeaderSecret, VendorEntry
from providers.mail_entry import MailEntry
from providers.message_ids import message_id_of
from providers.network import Network
from providers.outcome_table import OutcomeTable
from providers.result_codes import ResultKind
from providers.retry_after import MAX_SECONDS

MAX_PERSONALIZATIONS = 1_000
"""Maximum number of messages of one call, and of all addresses in it."""
MAX_SUBSTITUTION_BYTES = 10_000
"""Maximum size of the texts that differ for one message of a call, in bytes."""

TABLE = OutcomeTable(
    vendor="sendgrid",
    page="https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors",
    codes={
        "personalizations.to": ResultKind.INVALID_RECIPIENT,
        "personalizations.to.email": ResultKind.INVALID_RECIPIENT,
        "personalizations.cc.email": ResultKind.REJECTED,
        "personalizations": ResultKind.REJECTED,
        "personalizations.subject": ResultKind.INVALID_CONTENT,
        "personalizations.headers": ResultKind.REJECTED,
        "subject": ResultKind.INVALID_CONTENT,
        "content": ResultKind.INVALID_CONTENT,
        "content.value": ResultKind.INVALID_CONTENT,
        "reply_to.email": ResultKind.REJECTED,
        "from": ResultKind.CREDENTIALS,
        "from.email": ResultKind.CREDENTIALS,
        "413": ResultKind.TOO_LONG,
    },
    blame_no_message=frozenset({"reply_to.email", "from", "from.email"}),
)
"""SendGrid has no codes. Each error names a field of the request, which stands here without its numbers."""

_NUMBER = re.compile(r"\.[0-9]+(?![^.])")
_UNIX_TIME = re.compile("[0-9]{1,12}")
_PLACE = re.compile(r"personalizations\.([0-9]{1,4})(?![^.])")
_TEXT, _HTML = "-rollcall-text-", "-rollcall-html-"
"""Tags in a shared content. SendGrid replaces them with the texts of each message."""


class SendgridEntry(MailEntry, VendorEntry):
    """Settings of an account of SendGrid."""

    kind: Literal["sendgrid"]
    base_url: HttpUrl = Field(
        default="https://api.sendgrid.com", description="URL of the API. For the EU: https://api.eu.sendgrid.com."
    )
    api_key: HeaderSecret = Field(description="API key with the permission Mail Send")


@dataclass(frozen=True, slots=True, repr=False)
class SendgridMail:
    """Message as SendGrid takes it."""

    message: Message
    personalization: Mapping[str, Any]
    contents: Mapping[str, str]
    """Texts by their tags."""

    @property
    def may_be_shared(self) -> bool:
        """Return whether the message fits into a call with other texts.

        An address may appear once in a call, so a message with copies has one of its own.
        """
        size = sum(len(text.encode()) for text in self.contents.values())
        return not self.message.cc and size <= MAX_SUBSTITUTION_BYTES


class SendgridApi(HttpApi[SendgridMail]):
    """Mail Send API: one call has many messages, and one id."""

    batch_size = MAX_PERSONALIZATIONS

    def __init__(self, entry: SendgridEntry) -> None:
        self.check_url = entry.base_url
        self._url = f"{entry.base_url.rstrip('/')}/v3/mail/send"
        self._from = _mailbox(entry.sender)
        self._bulk_headers = entry.bulk_headers()

    def encode(self, message: Message) -> SendgridMail:
        """Return the message as one personalization. Raises UnsendableError."""
        personalization: dict[str, Any] = {
            "to": [{"email": message.to}],
            "subject": message.subject or "",
            "custom_args": {"delivery_id": message.id},
        }
        if message.cc:
            personalization["cc"] = [{"email": address} for address in message.cc]
        if headers := self._bulk_headers.fields(message):
            personalization["headers"] = headers
        contents = {_TEXT: message.plain_text(), _HTML: message.text} if message.is_html else {_TEXT: message.text}
        return SendgridMail(message, personalization, contents)

    def groups(self, messages: Sequence[SendgridMail]) -> list[list[int]]:
        """Put the messages into one call, and each that is too large for it into its own."""
        if len({tuple(mail.contents.values()) for mail in messages}) == 1 and not any(m.message.cc for m in messages):
            return [list(range(len(messages)))]
        shared = [place for place, mail in enumerate(messages) if mail.may_be_shared]
        alone = [[place] for place, mail in enumerate(messages) if not mail.may_be_shared]
        return ([shared] if shared else []) + alone

    def request(self, messages: Sequence[SendgridMail]) -> HttpRequest:
        """Return the call. Texts that differ are substituted in each message."""
        first = messages[0]
        same = all(mail.contents == first.contents for mail in messages)
        texts = first.contents if same else {tag: tag for tag in first.contents}
        types = {_TEXT: "text/plain", _HTML: "text/html"}
        body = {
            "personalizations": [
                mail.personalization if same else {**mail.personalization, "substitutions": mail.contents}
                for mail in messages
            ],
            "from": self._from,
            "content": [{"type": types[tag], "value": text} for tag, text in texts.items()],
        }
        if first.message.reply_to is not None:
            body["reply_to"] = _mailbox(first.message.reply_to)
        return HttpRequest(self._url, json_bytes(body))

    def results(self, messages: Sequence[SendgridMail], answer: ApiAnswer) -> Results:
        """Return one result for all. Only 202 says that SendGrid took them."""
        if answer.status == 202:
            message_id = answer.headers.get("X-Message-Id")
            return [Sent(message_id_of(message_id, mail.message), "HTTP 202") for mail in messages]
        if answer.status == 413:
            return TABLE.one_for_all("413")
        refusal = _refusal(answer, len(messages)) if answer.status == 400 else None
        return refusal or OneForAll(result_of_status(answer, _reset_seconds(answer)))


class SendgridProvider(HttpApiProvider[SendgridMail]):
    """Provider of one SendGrid account."""

    def __init__(self, entry: SendgridEntry, network: Network | None = None) -> None:
        super().__init__(
            entry, SendgridApi(entry), network, {"Authorization": f"Bearer {entry.api_key.get_secret_value()}"}
        )


def _mailbox(text: str) -> dict[str, str]:
    """Return `address` or `Name <address>` as SendGrid takes it."""
    name, address = split_mailbox(text)
    return {"email": address, "name": name} if name else {"email": address}


def _refusal(answer: ApiAnswer, messages: int) -> OneForAll | None:
    """Return the result of an error that names a field, and the messages that it blames."""
    errors = answer.fields().get("errors")
    names = [error.get("field") for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    named = [name for name in names if isinstance(name, str)]
    if not named:
        return None
    places = {int(found[1]) for name in named if (found := _PLACE.match(name))}
    wrong = tuple(sorted(place for place in places if place < messages))
    return TABLE.one_for_all(_NUMBER.sub("", named[0]), wrong=wrong)


def _reset_seconds(answer: ApiAnswer) -> float | None:
    """Return the time until the rate limit is lifted: X-RateLimit-Reset is a Unix time in seconds."""
    reset = answer.headers.get("X-RateLimit-Reset", "")
    return min(max(int(reset) - time.time(), 0.0), MAX_SECONDS) if _UNIX_TIME.fullmatch(reset) else None
