"""Requests for all sides: with one variable each, small ones or in parts as `rollcall send` makes them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

TENANT, USER = "tnt_bench", "usr_bench"
CONTENT = "您的验证码是{{code}} 5分钟内有效"
PART_RECIPIENTS = 17_500
"""Recipients per part. A record has some 860 KB, below the 900 KB of an intake record, and whole chunks."""
MAIL_SUBJECT = "Your code"
_MAIL_FIRST_LINE = "Your code is {{code}}. Use it within fifty minutes.\n"
_MAIL_LINE = "Each further line of an e-mail has as many bytes.\n"
MAIL_LINE_BYTES = 50
"""Size of each line of an e-mail, with the value of its variable."""


@dataclass(frozen=True, slots=True)
class Order:
    """Request by its number of recipients, from which everything else follows."""

    request_id: str
    recipients: int
    part_recipients: int = PART_RECIPIENTS

    def parts(self) -> Iterator[tuple[int, int, bool]]:
        """Yield (first recipient, number of recipients, whether it is the last part), part by part."""
        for first in range(0, self.recipients, self.part_recipients):
            size = min(self.part_recipients, self.recipients - first)
            yield first, size, first + size == self.recipients

    def records(self) -> list[bytes]:
        """Return the intake records, one per part."""
        shared = {
            **self.message(),
            "tenant_id": TENANT,
            "user_id": USER,
            "request_id": self.request_id,
            "accepted_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        records = []
        for part, (first, size, last) in enumerate(self.parts()):
            people = [{"to": self.address(at), "variables": {"code": code(at)}} for at in range(first, first + size)]
            records.append(orjson.dumps({**shared, "recipients": people, "part": part, "last": last}))
        return records

    def message(self) -> dict[str, str]:
        """Return the channel and the text."""
        return {"channel": "sms", "content": CONTENT}

    def address(self, index: int) -> str:
        """Return the address of a recipient."""
        return number(index)


@dataclass(frozen=True, slots=True)
class MailOrder(Order):
    """Request of e-mails in plain text."""

    text_bytes: int = 100
    """Size of each text, in bytes: a multiple of `MAIL_LINE_BYTES`."""

    def message(self) -> dict[str, str]:
        """Return the channel, the subject and the text."""
        return {"channel": "email", "subject": MAIL_SUBJECT, "content": mail_content(self.text_bytes)}

    def address(self, index: int) -> str:
        """Return the address of a recipient."""
        return mailbox(index)


def mail_content(text_bytes: int) -> str:
    """Return the text of e-mails, whose variable has six digits as those of `code`."""
    return _MAIL_FIRST_LINE + _MAIL_LINE * (text_bytes // MAIL_LINE_BYTES - 1)


def small_requests(name: str, number_of_requests: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of intake records. Each is a request of one recipient, such as a login code."""
    shared = {
        "channel": "sms",
        "content": CONTENT,
        "tenant_id": TENANT,
        "user_id": USER,
        "accepted_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    for at in range(number_of_requests):
        request_id = f"{name}-{at}"
        people = [{"to": number(at), "variables": {"code": code(at)}}]
        yield request_id.encode(), orjson.dumps({**shared, "request_id": request_id, "recipients": people})


def number(index: int) -> str:
    """Return the mobile number of a recipient, as it is written in China."""
    return f"138{index:08d}"


def mailbox(index: int) -> str:
    """Return the e-mail address of a recipient."""
    return f"reader{index:08d}@example.org"


def code(index: int) -> str:
    """Return a recipient's variable."""
    return f"{index * 7919 % 1_000_000:06d}"
