"""Receipts of the kind `ses`: events of Amazon SES, which come as messages of Amazon SNS.

Published events: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
Notifications of an identity: https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from providers.receipts.bounded_fetch import Fetch, fetch_bounded
from providers.receipts.callback_times import iso_moment
from providers.receipts.callback_values import (
    MAX_RECEIPTS,
    address_of,
    check_age,
    id_of,
    inner,
    occurred_at,
    read_object,
    shown_code,
    text_of,
)
from providers.receipts.path_secret import check_path_secret
from providers.receipts.receipt_format import (
    Callback,
    CallbackUnavailableError,
    ForeignCallbackError,
    ReceiptEntry,
    UnreadableCallbackError,
    UnsignedCallbackError,
    VendorReceipt,
)
from providers.receipts.receipt_table import ReceiptMeaning, ReceiptTable
from providers.receipts.sns_certificates import SnsCertificates
from providers.receipts.sns_messages import NOTIFICATION, SUBSCRIPTION, TOPIC_ARN, SnsMessage, parse_sns_message
from schemas.receipts import ReceiptClass, ReceiptStatus

_FAILED = ReceiptMeaning(ReceiptStatus.FAILED)
_SENT = ReceiptMeaning(ReceiptStatus.SENT)
_SOFT = ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.SOFT_BOUNCE)

TABLE = ReceiptTable(
    vendor="ses",
    page="https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html",
    statuses={
        "Send": _SENT,
        "DeliveryDelay": _SENT,
        "Delivery": ReceiptMeaning(ReceiptStatus.DELIVERED),
        "Reject": _FAILED,
        "RenderingFailure": _FAILED,
        "Bounce.Permanent": ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.HARD_BOUNCE),
        "Bounce.Transient": _SOFT,
        "Bounce.Transient.MessageTooLarge": _FAILED,
        "Bounce.Transient.ContentRejected": _FAILED,
        "Bounce.Transient.AttachmentRejected": _FAILED,
        "Bounce.Undetermined": _SOFT,
        "Complaint": ReceiptMeaning(ReceiptStatus.DELIVERED, ReceiptClass.COMPLAINT),
        "Complaint.not-spam": ReceiptMeaning(ReceiptStatus.DELIVERED),
        "Complaint.OnAccountSuppressionList": ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.COMPLAINT),
        "Subscription.unsubscribeAll": ReceiptMeaning(ReceiptStatus.DELIVERED, ReceiptClass.OPT_OUT),
    },
    no_receipts=frozenset({"Open", "Click", "Subscription", "AmazonSnsSubscriptionSucceeded"}),
)
"""Events without spaces in their names, some with their type and subtype. The longest name that is known counts."""

_TEST = "Successfully validated SNS topic for Amazon SES"
"""Beginning of the text that SES publishes when events are switched on. It is no JSON."""
_DETAILS = {"RenderingFailure": "failure", "DeliveryDelay": "deliveryDelay"}
"""Names of the fields with the details of an event, if they differ from its name in small letters."""
_RECIPIENTS = ("bouncedRecipients", "complainedRecipients", "delayedRecipients", "recipients")


class SesReceiptEntry(ReceiptEntry):
    """Topics of Amazon SNS that publish the events of an account of Amazon SES."""

    kind: Literal["ses"]
    topic_arns: tuple[Annotated[str, StringConstraints(pattern=TOPIC_ARN)], ...] = Field(
        min_length=1, max_length=20, description="ARNs of the topics. Messages of other topics are refused."
    )
    max_age_seconds: int = Field(
        default=3_900,
        ge=1,
        le=604_800,
        description="maximum age of a signed time stamp, in seconds. SNS repeats a message for an hour.",
    )


class SesReceipts:
    """Messages of the topics of one account."""

    def __init__(self, entry: SesReceiptEntry, fetch: Fetch = fetch_bounded) -> None:
        self._entry, self._fetch = entry, fetch
        self._certificates = SnsCertificates(fetch)

    async def check(self, callback: Callback) -> str | None:
        """Check the signature and the topic. Confirm a subscription to a topic of the entry.

        A repeat of a message says the same again, so that none needs a token.
        """
        check_path_secret(self._entry, callback)
        message = parse_sns_message(callback.body)
        check_age(message.signed_at, callback, self._entry.max_age_seconds)
        message.verify(await self._certificates.get(message.certificate_url), callback.received_at)
        if message.topic_arn not in self._entry.topic_arns:
            raise ForeignCallbackError("TopicArn is not one of the entry")
        if message.type == SUBSCRIPTION:
            await self._confirm(message)
        return None

    async def _confirm(self, message: SnsMessage) -> None:
        if not message.confirms_topic:
            raise UnsignedCallbackError("SubscribeURL is not at SNS, or is of another topic")
        if await self._fetch(message.subscribe_url) is None:
            raise CallbackUnavailableError("SNS refused the confirmation of the subscription")

    def read(self, callback: Callback) -> list[VendorReceipt]:
        """Return a receipt for each recipient of the event. A message that is no notification has none."""
        message = read_object(callback.body)
        text = text_of(message.get("Message"))
        if message.get("Type") != NOTIFICATION or text.startswith(_TEST):
            return []
        return _receipts(read_object(text), callback)


def _receipts(event: dict[str, Any], callback: Callback) -> list[VendorReceipt]:
    name = text_of(event.get("eventType") or event.get("notificationType")).replace(" ", "")
    detail = event.get(_DETAILS.get(name, name.lower()))
    code, meaning = _meaning(name, detail)
    if meaning is None:
        return []
    message_id = id_of(inner(event, "mail", "messageId"))
    tags = inner(event, "mail", "tags", "delivery_id")
    delivery_id = id_of(tags[0]) if isinstance(tags, list) and tags else None
    if message_id is None and delivery_id is None:
        raise UnreadableCallbackError("event has no id of a mail")
    moment = iso_moment(inner(detail, "timestamp")) or iso_moment(inner(event, "mail", "timestamp"))
    at = occurred_at(moment, callback.received_at)
    return [
        VendorReceipt(meaning.status, code, at, delivery_id, message_id, recipient, meaning.receipt_class)
        for recipient in _recipients(inner(event, "mail", "destination"), detail)
    ]


def _meaning(name: str, detail: object) -> tuple[str, ReceiptMeaning | None]:
    """Return the code and the meaning of an event, or None if it is no receipt."""
    if name == "Bounce":
        kind, subtype = text_of(inner(detail, "bounceType")), text_of(inner(detail, "bounceSubType"))
        meaning = TABLE.meaning(f"Bounce.{kind}.{subtype}", f"Bounce.{kind}")
        return shown_code(f"{kind}.{subtype}"), meaning
    if name == "Complaint":
        subtype = text_of(inner(detail, "complaintSubType")) or text_of(inner(detail, "complaintFeedbackType"))
        code = f"{name}.{subtype}" if subtype else name
        return shown_code(code), TABLE.meaning(code, name)
    if name == "Subscription" and inner(detail, "newTopicPreferences", "unsubscribeAll") is True:
        return f"{name}.unsubscribeAll", TABLE.meaning(f"{name}.unsubscribeAll")
    return shown_code(name), None if name in TABLE.no_receipts else TABLE.meaning(name)


def _recipients(destination: object, detail: object) -> Iterable[str | None]:
    """Return the addresses that an event is about.

    If the mail has one, it is this one. The event of a bounce may name another, to which the mail was forwarded.
    """
    addresses = _addresses(destination)
    if len(addresses) != 1:
        named = (_addresses(inner(detail, name)) for name in _RECIPIENTS)
        addresses = next(filter(None, named), addresses)
    return addresses or [None]


def _addresses(value: object) -> list[str]:
    """Return the addresses of a list, whose items are addresses or objects. Raises UnreadableCallbackError."""
    items = value if isinstance(value, list) else []
    if len(items) > MAX_RECEIPTS:
        raise UnreadableCallbackError(f"event has more than {MAX_RECEIPTS} recipients")
    found = (address_of(inner(item, "emailAddress") if isinstance(item, dict) else item) for item in items)
    return [address for address in found if address is not None]
