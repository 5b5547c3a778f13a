"""Results of a send as values (I7), and the message to send."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from core.render_errors import MissingVariable
from core.text_part import TextPart, html_to_text
from core.variable_names import Variables
from core.vendor_template import VendorTemplate, VendorTemplates
from schemas.statuses import Category, Channel, ContentType, Reason


@dataclass(slots=True, repr=False)
class Message:
    """Rendered delivery for a provider. Its repr shows no address and no text.

    The class is not frozen, because a frozen one takes three times as long to create. No code changes a message.
    """

    id: str
    """Delivery id. It is the same at every attempt, so that a provider may deduplicate by it."""
    channel: Channel
    to: str
    text: str
    subject: str | None
    is_html: bool
    reference: str | None
    tenant_id: str
    secrets: tuple[str, ...] = ()
    """Values of the secret variables. A provider writes them into the message and nowhere else."""
    reply_to: str | None = None
    """Mailbox for replies of an e-mail: `address` or `Name <address>`."""
    cc: tuple[str, ...] = ()
    """Addresses that get a copy of an e-mail. The result of the send is that of `to` alone."""
    category: Category = Category.TRANSACTIONAL
    variables: Mapping[str, str] = field(default_factory=dict)
    """Variables of the recipient alone, for templates of a provider. They go before those of the request."""
    request_variables: Mapping[str, str] = field(default_factory=dict)
    """Variables that all recipients of the request share."""
    content_type: ContentType | None = None
    """Type that is stored with the request, or None. An e-mail without it has the type that `first_rule` says."""

    text_part: TextPart | None = None
    """Text part of an HTML e-mail, made from the template of the request."""
    vendor_templates: VendorTemplates = field(default_factory=dict)
    """Templates of vendors that say the same as the text, by the name of the provider."""
    shared: dict[str, bytes] | None = None
    """Parts that a provider made for all recipients of the request. None if the text has variables."""

    unsubscribe_url: str | None = None
    """Link of the recipient for the header of a marketing e-mail. None if the message has none."""

    def __repr__(self) -> str:
        return f"Message({self.id})"

    def plain_text(self) -> str:
        """Return what the HTML of an e-mail shows as plain text."""
        if self.text_part is None:
            return html_to_text(self.text)
        return self.text_part.render(self.variables, self.request_variables)

    def parameters(self, vendor_template: VendorTemplate) -> tuple[tuple[str, str], ...]:
        """Return the name and the value of each parameter, in the order of the vendor.

        Secret values are among them, so a provider writes them into the message and nowhere else. Raise MissingVariable
        for a variable without a value. No rendered message has one, because its text uses all of these variables.
        """
        values = Variables(self.variables, self.request_variables)
        return tuple((name, _require(values, name)) for name in vendor_template.parameter_order)


def _require(values: Variables, name: str) -> str:
    value = values.get(name)
    if value is None:
        raise MissingVariable(name)
    return value


class HiddenMessageId(NamedTuple):
    """Message id of a vendor that could show an address or a text. Only its keyed hash may be stored."""

    text: str

    def __repr__(self) -> str:
        return "HiddenMessageId()"


class Sent(NamedTuple):
    """Result: the provider accepted the message."""

    message_id: str | HiddenMessageId | None = None
    response: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Result: the provider refused the message temporarily. With `rate_limited` no attempt is used."""

    reason: Reason
    """`unavailable` or `rate_limited`."""
    error: str | None = None
    delay_seconds: float | None = None
    """Delay that the provider asked for, such as Retry-After, in seconds."""
    offered: bool = True
    """False if no provider was asked, because there is none or all its connections are busy. Such a result uses no
    attempt, adds nothing to the age, and never ends a delivery. A provider that is paused because it refused our
    credentials is not asked either. This adds to the age, which ends the delivery in the end."""
    unreachable: bool = field(default=False, compare=False)
    """True if the provider takes no connection from this process. Others of the channel then take its turn."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Result: the provider rejected the message permanently, or there is no message to send."""

    reason: Reason
    error: str | None = None
    offered: bool = field(default=True, compare=False)
    """False if no provider was asked, because the text cannot be made. Such a result uses no attempt."""
    unknown_code: str | None = field(default=None, compare=False)
    """Code of the provider that is not in its table, in a shape that may be shown."""


@dataclass(frozen=True, slots=True)
class Uncertain:
    """Result: the request was written, but no answer came. The provider may or may not have accepted the message."""

    reason: Reason
    error: str | None = None


SendResult = Sent | Retry | Failed | Uncertain
