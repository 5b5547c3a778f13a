"""Fields that the entries of all providers of e-mail share."""

from typing import Literal

from pydantic import Field, field_validator

from core.render import MissingVariable, RenderError
from core.send_result import Failed, Message
from providers.draft import UnsendableError
from providers.entries import ProviderEntry
from providers.list_unsubscribe import ListUnsubscribe, parse_list_unsubscribe
from providers.mail_headers import HeaderTooLongError
from providers.sender_address import split_sender
from schemas.statuses import Channel, Reason


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

    def unsubscribing(self) -> ListUnsubscribe | None:
        """Return the URIs of List-Unsubscribe, ready to be rendered."""
        return parse_list_unsubscribe(self.list_unsubscribe) if self.list_unsubscribe else None


def unsubscribe_headers(unsubscribing: ListUnsubscribe | None, message: Message) -> dict[str, str]:
    """Return the headers for List-Unsubscribe by name, for an API that folds them itself. Raise UnsendableError."""
    try:
        lines = unsubscribing.headers(message) if unsubscribing else []
    except MissingVariable as error:
        raise UnsendableError(Failed(Reason.MISSING_VARIABLE, f"list_unsubscribe: {error}")) from None
    except (RenderError, HeaderTooLongError):
        raise UnsendableError(Failed(Reason.INVALID_CONTENT, "not usable in a mail's headers")) from None
    return {name: value.replace("\r\n", "") for name, _, value in (line.partition(": ") for line in lines)}
