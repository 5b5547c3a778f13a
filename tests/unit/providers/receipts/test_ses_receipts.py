"""Events of Amazon SES: the meaning of each, in both of their formats, and the recipients that they are about."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from providers.receipts.callback_values import MAX_RECEIPTS
from providers.receipts.receipt_format import UnreadableCallbackError, VendorReceipt
from providers.receipts.ses import TABLE, SesReceiptEntry, SesReceipts
from schemas.receipts import ReceiptClass, ReceiptStatus
from tests.support.sns_topic import TOPIC_ARN, SnsServer, a_notification
from tests.unit.providers.receipts.callbacks import DELIVERY_ID, NOW
from tests.unit.providers.receipts.json_callbacks import json_callback, without

MESSAGE_ID = "01020157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000"
EVENTS = SesReceipts(
    SesReceiptEntry.model_validate({"kind": "ses", "provider": "ses", "topic_arns": [TOPIC_ARN]}), SnsServer().fetch
)


def an_event(name: str, detail: dict[str, Any] | None = None, **mail: object) -> dict[str, Any]:
    field = {"Rendering Failure": "failure", "DeliveryDelay": "deliveryDelay"}.get(name, name.lower())
    return {
        "eventType": name,
        field: {"timestamp": "2026-11-30T11:59:00.250Z", **(detail or {})},
        "mail": {
            "timestamp": "2026-11-30T11:50:00.000Z",
            "messageId": MESSAGE_ID,
            "destination": ["anna@example.com"],
            "tags": {"ses:configuration-set": ["events"], "delivery_id": [DELIVERY_ID]},
            **mail,
        },
    }


def read(event: object) -> list[VendorReceipt]:
    return EVENTS.read(json_callback(a_notification(orjson.dumps(event).decode())))


def test_an_event_is_a_receipt_with_both_ids() -> None:
    assert read(an_event("Delivery", {"recipients": ["anna@example.com"]})) == [
        VendorReceipt(
            ReceiptStatus.DELIVERED,
            "Delivery",
            datetime(2026, 11, 30, 11, 59, 0, 250_000, tzinfo=UTC),
            DELIVERY_ID,
            MESSAGE_ID,
            "anna@example.com",
        )
    ]


def row_event(status: str) -> dict[str, Any]:
    """Return an event for a row of the table."""
    name, _, rest = status.partition(".")
    if name == "Bounce":
        kind, _, subtype = rest.partition(".")
        return an_event(name, {"bounceType": kind, "bounceSubType": subtype or "General"})
    if name == "Complaint":
        field = "complaintSubType" if rest == "OnAccountSuppressionList" else "complaintFeedbackType"
        return an_event(name, {field: rest or None})
    if name == "Subscription":
        return an_event(name, {"newTopicPreferences": {"unsubscribeAll": True}})
    return an_event("Rendering Failure" if name == "RenderingFailure" else name)


@pytest.mark.parametrize("status", TABLE.statuses)
def test_each_row_of_the_table_is_read(status: str) -> None:
    (receipt,) = read(row_event(status))

    assert (receipt.status, receipt.receipt_class) == TABLE.statuses[status]


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (an_event("Bounce", {"bounceType": "Permanent", "bounceSubType": "OnAccountSuppressionList"}), None),
        (an_event("Complaint", {"complaintSubType": None, "complaintFeedbackType": "abuse"}), "Complaint.abuse"),
        (an_event("Rendering Failure", {"errorMessage": "x", "templateName": "y"}), "RenderingFailure"),
        (an_event("Subscription", {"newTopicPreferences": {"unsubscribeAll": True}}), "Subscription.unsubscribeAll"),
        (an_event("Bounce", {"bounceType": "anna@example.com", "bounceSubType": "x"}), "unknown"),
    ],
)
def test_the_code_has_the_type_and_the_subtype(event: dict[str, Any], code: str | None) -> None:
    (receipt,) = read(event)

    assert receipt.code == (code or "Permanent.OnAccountSuppressionList")


@pytest.mark.parametrize(
    "event",
    [
        an_event("Open"),
        an_event("Click"),
        an_event("Subscription", {"newTopicPreferences": {"unsubscribeAll": False}}),
        {"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "You have subscribed"},
    ],
)
def test_an_event_that_says_nothing_about_the_delivery_is_no_receipt(event: dict[str, Any]) -> None:
    assert read(event) == []


def test_the_test_message_of_ses_is_no_receipt() -> None:
    text = "Successfully validated SNS topic for Amazon SES event publishing."

    assert EVENTS.read(json_callback(a_notification(text))) == []


@pytest.mark.parametrize(
    "event",
    [an_event("Folded"), an_event("Bounce", {"bounceType": "New"}), an_event("Bounce"), an_event("")],
)
def test_an_unknown_event_or_type_is_unrecognised(event: dict[str, Any]) -> None:
    (receipt,) = read(event)

    assert (receipt.status, receipt.receipt_class) == (ReceiptStatus.UNRECOGNISED, None)


def test_a_notification_of_an_identity_is_read_as_well_and_has_no_tags() -> None:
    event = an_event("Bounce", {"bounceType": "Permanent", "bounceSubType": "NoEmail"}, tags=None)
    event["notificationType"] = event.pop("eventType")

    (receipt,) = read(event)

    assert (receipt.delivery_id, receipt.message_id) == (None, MESSAGE_ID)
    assert (receipt.status, receipt.receipt_class) == (ReceiptStatus.FAILED, ReceiptClass.HARD_BOUNCE)


BOTH = ["anna@example.com", "copy@example.com"]


@pytest.mark.parametrize(
    ("event", "recipients"),
    [
        (an_event("Bounce", {"bouncedRecipients": [{"emailAddress": BOTH[1]}]}, destination=BOTH), BOTH[1:]),
        (an_event("Bounce", {"bouncedRecipients": [{"emailAddress": at} for at in BOTH]}, destination=BOTH), BOTH),
        (an_event("Complaint", {"complainedRecipients": [{"emailAddress": BOTH[0]}]}, destination=BOTH), BOTH[:1]),
        (an_event("DeliveryDelay", {"delayedRecipients": [{"emailAddress": BOTH[1]}]}, destination=BOTH), BOTH[1:]),
        (an_event("Delivery", {"recipients": BOTH[:1]}, destination=BOTH), BOTH[:1]),
        (an_event("Send", {}, destination=BOTH), BOTH),
        (an_event("Bounce", {"bouncedRecipients": [{"emailAddress": "forwarded@example.net"}]}), BOTH[:1]),
        (an_event("Bounce", {"bouncedRecipients": [{}, 1, {"emailAddress": 2}]}, destination=BOTH), BOTH),
        (an_event("Bounce", {}, destination=[]), [None]),
        (an_event("Bounce", {}, destination=None), [None]),
    ],
)
def test_each_recipient_of_an_event_has_a_receipt(event: dict[str, Any], recipients: list[str | None]) -> None:
    assert [receipt.recipient for receipt in read(event)] == recipients


def test_the_number_of_recipients_is_bounded() -> None:
    many = ["anna@example.com"] * MAX_RECEIPTS

    assert len(read(an_event("Send", {}, destination=many))) == MAX_RECEIPTS
    with pytest.raises(UnreadableCallbackError):
        read(an_event("Send", {}, destination=[*many, "anna@example.com"]))


@pytest.mark.parametrize("stamp", [None, 1, "", "soon", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z"])
def test_a_time_that_cannot_be_is_that_of_the_mail_or_of_the_arrival(stamp: object) -> None:
    (receipt,) = read(an_event("Delivery", {"timestamp": stamp}))
    (without_any,) = read(an_event("Delivery", {"timestamp": stamp}, timestamp="2018-10-08T14:05:45 +0000"))

    assert receipt.occurred_at in {datetime(2026, 11, 30, 11, 50, tzinfo=UTC), NOW}
    assert without_any.occurred_at == NOW


def test_a_time_without_an_offset_is_one_of_utc() -> None:
    (receipt,) = read(an_event("Delivery", {"timestamp": "2026-11-30T11:00:00.000"}))

    assert receipt.occurred_at == datetime(2026, 11, 30, 11, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "event",
    [
        [],
        "x",
        {},
        without(an_event("Bounce"), "mail"),
        an_event("Bounce", messageId=None, tags={"delivery_id": []}),
        an_event("Bounce", messageId=1, tags={"delivery_id": [1]}),
        an_event("Bounce", messageId="", tags=[]),
    ],
)
def test_an_event_without_an_id_is_unreadable(event: object) -> None:
    with pytest.raises(UnreadableCallbackError):
        read(event)


@pytest.mark.parametrize("text", ["", "{", "Hello", "[" * 2_000])
def test_a_text_that_is_no_event_is_unreadable(text: str) -> None:
    with pytest.raises(UnreadableCallbackError):
        EVENTS.read(json_callback(a_notification(text)))
