"""Fields that the entries of all providers of e-mail share."""

import re
from typing import Literal

from pydantic import Field, field_validator

from providers.bulk_headers import BulkHeaders
from providers.entries import ProviderEntry
from providers.list_unsubscribe import parse_list_unsubscribe
from providers.mail_headers import fold, mailbox_words
from providers.sender_address import split_sender
from schemas.statuses import Channel

_LIST_ID = re.compile(r"(?:(?P<name>[^<>\x00-\x1f\x7f-\x9f\u2028\u2029]{1,200}) )?<(?P<label>[A-Za-z0-9._-]{1,200})>")

_FEEDBACK_ID = re.compile(r"(?:[A-Za-z0-9._-]{0,40}:){0,3}[A-Za-z0-9._-]{5,15}")


class MailEntry(ProviderEntry):
    """Settings of a provider of e-mail."""

    channel: Literal[Channel.EMAIL] = Channel.EMAIL
    sender: str = Field(
        min_length=3, max_length=320, description="From header and envelope sender: address or Name <address>"
    )
    list_unsubscribe: str | None = Field(
        default=None,
        description="URI for List-Unsubscribe, or several as <https://...>, <mailto:...>. {{name}} is a variable.",
    )

    list_id: str | None = Field(
        default=None, max_length=300, description="List-Id (RFC 2919): <list.example.org>, or Name <list.example.org>"
    )
    feedback_id: str | None = Field(
        default=None,
        description="Feedback-ID for Gmail: up to three fields of your own and the sender's id, joined by colons",
    )
    auto_submitted: bool = Field(
        default=False, description="true for Auto-Submitted (RFC 3834): no program is to answer these e-mails"
    )

    @field_validator("sender")
    @classmethod
    def _sender(cls, value: str) -> str:
        split_sender(value)
        return value

    @field_validator("list_unsubscribe")
    @classmethod
    def _list_unsubscribe(cls, value: str | None) -> str | None:
        if value is not None:
            parse_list_unsubscribe(value)
        return value

    @field_validator("list_id")
    @classmethod
    def _list_id(cls, value: str | None) -> str | None:
        if value is not None and not _LIST_ID.fullmatch(value):
            raise ValueError("must be <list.example.org> or Name <list.example.org>")
        return value

    @field_validator("feedback_id")
    @classmethod
    def _feedback_id(cls, value: str | None) -> str | None:
        if value is not None and not _FEEDBACK_ID.fullmatch(value):
            raise ValueError("must be up to three fields and the sender's id, of 5 to 15 characters, joined by colons")
        return value

    def bulk_headers(self) -> BulkHeaders:
        """Return the headers that this entry adds to each e-mail."""
        fixed = []
        if self.list_id is not None and (found := _LIST_ID.fullmatch(self.list_id)):
            name, label = found["name"], f"<{found['label']}>"
            fixed.append(fold("List-Id", mailbox_words("List-Id", name, found["label"]) if name else [label]))
        if self.feedback_id is not None:
            fixed.append(fold("Feedback-ID", [self.feedback_id]))
        if self.auto_submitted:
            fixed.append("Auto-Submitted: auto-generated")
        unsubscribing = parse_list_unsubscribe(self.list_unsubscribe) if self.list_unsubscribe else None
        return BulkHeaders(*fixed, unsubscribing=unsubscribing)


def has_unsubscribe_uri(entry: ProviderEntry) -> bool:
    """Return whether the provider writes a List-Unsubscribe of its own into each marketing e-mail."""
    return isinstance(entry, MailEntry) and entry.list_unsubscribe is not None
