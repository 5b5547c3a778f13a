"""Kind `mailgun`: e-mail through the Messages API of Sinch Mailgun.

Fields: https://documentation.mailgun.com/docs/mailgun/api-reference/openapi-final/tag/Messages
Calls for several recipients: https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/batch-sending
"""

import re
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from aiohttp import encode_basic_auth
from pydantic import Field

from core.addresses.mailbox import split_mailbox
from core.json_bytes import json_bytes
from core.send_result import Failed, Message, Sent
from providers.draft import UnsendableError
from providers.http_api import ApiAnswer, HttpApi, HttpRequest, OneForAll, Results, result_of_status
from providers.http_api_provider import HttpApiProvider
from providers.http_client import HttpUrl
from providers.http_entry import HeaderSecret, VendorEntry
from providers.mail_entry import MailEntry
from providers.mail_headers import mailbox_words
from providers.message_ids import message_id_of
from providers.network import Network
from providers.outcome_table import OutcomeTable
from providers.result_codes import ResultKind, result_for
from providers.retry_after import MAX_SECONDS, parse_retry_after
from schemas.statuses import Reason

MAX_RECIPIENTS = 1_000
"""Maximum number of messages of one call."""
MAX_OPTION_BYTES = 16_000
"""Maximum size of the fields that begin with `h:` or `v:`, in bytes."""
MAX_MESSAGE_BYTES = 25_000_000
"""Maximum size of a message, in bytes."""

TABLE = OutcomeTable(
    vendor="mailgun",
    page="https://github.com/mailgun/documentation/blob/master/source/api-sending.rst",
    codes={
        "to-address": ResultKind.INVALID_RECIPIENT,
        "cc-address": ResultKind.REJECTED,
        "from-address": ResultKind.CREDENTIALS,
        "no-content": ResultKind.INVALID_CONTENT,
        "large-options": ResultKind.INVALID_CONTENT,
        "many-recipients": ResultKind.REJECTED,
        "large-batch": ResultKind.REJECTED,
        "not-allowed": ResultKind.CREDENTIALS,
        "unknown-domain": ResultKind.CREDENTIALS,
        "413": ResultKind.TOO_LONG,
    },
)
"""Mailgun has no codes. Each one here stands for a text of its page, except for the status 413."""

_TEXTS = {
    "to-address": re.compile(r"'?to'? parameter is (?:missing|not a valid address)"),
    "cc-address": re.compile(r"'?cc'? parameter is not a valid address"),
    "from-address": re.compile(r"'?from'? parameter is (?:missing|not a valid address)"),
    "no-content": re.compile(r"Need at least one of 'text'"),
    "large-options": re.compile(r"Send options \(parameters starting with "),
    "many-recipients": re.compile(r"Too many recipients"),
    "large-batch": re.compile(r"Domain \S+ is not allowed to send large batches yet"),
    "not-allowed": re.compile(r"Domain \S+ is not allowed to send: "),
    "unknown-domain": re.compile(r"Domain not found: "),
}
"""Beginnings of the texts, by their codes. Issues quote some of them with quotes that the page does not have."""
_TRY_AGAIN = re.compile(r" limit exceeded, try again after ([^\n]{1,40}?)(?: seconds)?$")

_SUBSTITUTED = re.compile(r"%(?:recipient|(?:tag_|mailing_list_)?unsubscribe)", re.IGNORECASE)
"""Beginning of what Mailgun may replace in a call for several recipients.

https://github.com/mailgun/documentation/blob/master/source/user_manual.rst lists the variables, and has no way to
escape them.
"""
_NO_LETTER = re.compile("[^a-z]")
_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")
_PLAIN_ADDRESS = re.compile(r"[a-z0-9._-]+@[a-z0-9.-]+")
"""Addresses that surely find their variables.

https://github.com/mailgun/mailgun.js/issues/413 reports that one with a plus sign did not. Nothing is documented about
capital letters.
"""


class MailgunEntry(MailEntry, VendorEntry):
    """Settings of a domain of Mailgun."""

    kind: Literal["mailgun"]
    base_url: HttpUrl = Field(
        default="https://api.mailgun.net", description="URL of the API. For the EU: https://api.eu.mailgun.net."
    )
    domain: str = Field(
        max_length=253, pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$", description="sending domain, as Mailgun lists it"
    )
    api_key: HeaderSecret = Field(description="sending key of the domain, or the key of the account")


@dataclass(frozen=True, slots=True, repr=False)
class MailgunMail:
    """Message as Mailgun takes it."""

    message: Message
    fields: Mapping[str, str]
    """Fields of the form besides the addresses."""
    may_be_shared: bool
    """True if the message may be in a call with others: no text of it can be taken for a variable of Mailgun."""


class MailgunApi(HttpApi[MailgunMail]):
    """Messages API: one call has many recipients, the variables of each, and one id."""

    batch_size = MAX_RECIPIENTS

    def __init__(self, entry: MailgunEntry) -> None:
        self.check_url = entry.base_url
        self._url = f"{entry.base_url.rstrip('/')}/v3/{entry.domain}/messages"
        self._from = _mailbox("From", entry.sender)
        self._bulk_headers = entry.bulk_headers()

    def encode(self, message: Message) -> MailgunMail:
        """Return the message as fields of a form. Raises UnsendableError."""
        fields = {"v:delivery_id": message.id, "subject": message.subject or "", "text": message.text}
        if message.is_html:
            fields |= {"text": message.plain_text(), "html": message.text}
        if message.reply_to is not None:
            fields["h:Reply-To"] = _mailbox("Reply-To", message.reply_to)
        headers = self._bulk_headers.fields(message)
        fields |= {f"h:{name}": value for name, value in headers.items()}
        _check_sizes(fields)
        has_variable = any(map(_SUBSTITUTED.search, fields.values()))
        return MailgunMail(
            message, fields, not message.cc and not has_variable and bool(_PLAIN_ADDRESS.fullmatch(message.to))
        )

    def groups(self, messages: Sequence[MailgunMail]) -> list[list[int]]:
        """Put the messages with the same fields into one call, and each that must be alone into its own."""
        shared: dict[tuple[str, ...], list[int]] = {}
        alone = []
        for place, mail in enumerate(messages):
            if mail.may_be_shared:
                shared.setdefault(tuple(mail.fields), []).append(place)
            else:
                alone.append([place])
        return [*shared.values(), *alone]

    def request(self, messages: Sequence[MailgunMail]) -> HttpRequest:
        """Return the call. What differs between the messages becomes a variable of each recipient.

        With `recipient-variables`, each recipient gets a mail that shows no other address. A call for one recipient
        has none, so that Mailgun replaces nothing in it.
        """
        first = messages[0]
        same = {name for name, value in first.fields.items() if all(mail.fields[name] == value for mail in messages)}
        form = [("from", self._from), *(("to", mail.message.to) for mail in messages)]
        form += [("cc", address) for address in first.message.cc]
        form += [(n, v if n in same else f"%recipient.{_variable(n)}%") for n, v in first.fields.items()]
        if len(messages) > 1:
            variables = {
                mail.message.to: {_variable(name): value for name, value in mail.fields.items() if name not in same}
                for mail in messages
            }
            form.append(("recipient-variables", json_bytes(variables).decode()))
        boundary = secrets.token_hex(16)
        return HttpRequest(
            self._url, _multipart(form, boundary), content_type=f"multipart/form-data; boundary={boundary}"
        )

    def results(self, messages: Sequence[MailgunMail], answer: ApiAnswer) -> Results:
        """Return one result for all. Only a 200 with an id says that Mailgun took them.

        A 5xx may come after Mailgun took them (https://feedback.mailgun.com/users/921341509-marketsmart). 420 is a
        rate limit, as 429 is (https://github.com/mailgun/mailgun-java/issues/50).
        """
        message_id = answer.fields().get("id")
        if answer.status == 200 and isinstance(message_id, str) and message_id:
            given = message_id.strip("<>")  # as the events show it
            return [Sent(message_id_of(given, mail.message), "HTTP 200") for mail in messages]
        if answer.status in {420, 429}:
            delay_seconds = _seconds_to_wait(answer)
            return OneForAll(result_for(ResultKind.RATE_LIMITED, f"HTTP {answer.status}", delay_seconds))
        if answer.status == 413:
            return TABLE.one_for_all("413")
        return _refusal(answer) or OneForAll(result_of_status(answer))


class MailgunProvider(HttpApiProvider[MailgunMail]):
    """Provider of one domain of Mailgun."""

    def __init__(self, entry: MailgunEntry, network: Network | None = None) -> None:
        login = encode_basic_auth("api", entry.api_key.get_secret_value())
        super().__init__(entry, MailgunApi(entry), network, {"Authorization": login})


def _mailbox(header: str, text: str) -> str:
    """Return `address` or `Name <address>` in ASCII, so that a comma in a name separates nothing."""
    return " ".join(mailbox_words(header, *split_mailbox(text)))


def _check_sizes(fields: Mapping[str, str]) -> None:
    """Raise UnsendableError for more than Mailgun takes, and UnicodeError for a lone surrogate."""
    sizes = {name: len(value.encode()) for name, value in fields.items()}
    if sum(len(name) + size for name, size in sizes.items() if name[1] == ":") > MAX_OPTION_BYTES:
        raise UnsendableError(Failed(Reason.INVALID_CONTENT, "headers of more than 16 kB"))
    if sum(sizes.values()) > MAX_MESSAGE_BYTES:
        raise UnsendableError(Failed(Reason.TOO_LONG, "more than 25 MB"))


def _variable(field: str) -> str:
    """Return the name of the variable for a field, such as `h_list_unsubscribe`."""
    return _NO_LETTER.sub("_", field.lower())


def _multipart(form: Iterable[tuple[str, str]], boundary: str) -> bytes:
    """Return the form as multipart/form-data (RFC 7578). Mailgun documents no other type."""
    mark = boundary.encode()
    part = b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
    parts = [part % (mark, name.encode(), value.encode()) for name, value in form]
    return b"".join([*parts, b"--%b--\r\n" % mark])


def _refusal(answer: ApiAnswer) -> OneForAll | None:
    """Return the result of a text that the page lists. Another one of a 400 is unknown, and blames a message."""
    text = answer.fields().get("message")
    if answer.status not in {400, 403, 404} or not isinstance(text, str):
        return None
    code = next((code for code, pattern in _TEXTS.items() if pattern.match(text)), "")
    return TABLE.one_for_all(code) if code or answer.status == 400 else None


def _seconds_to_wait(answer: ApiAnswer) -> float | None:
    """Return the delay in seconds, of the first of three sources.

    They are Retry-After, which https://github.com/mailgun/mailgun-python reads, the text, which ends with seconds or
    a date, and X-RateLimit-Reset, a Unix time in seconds that https://github.com/mailgun/mailgun-go reads.
    """
    found = _TRY_AGAIN.search(str(answer.fields().get("message")))
    for value in (answer.headers.get("Retry-After"), found and found[1]):
        if value and (seconds := parse_retry_after(value, datetime.now(UTC))) is not None:
            return seconds
    reset = answer.headers.get("X-RateLimit-Reset", "")
    known = _SECONDS.fullmatch(reset)
    return min(max(float(reset) - time.time(), 0.0), MAX_SECONDS) if known else None
