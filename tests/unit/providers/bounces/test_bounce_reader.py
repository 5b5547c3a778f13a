"""Receipts from bounce mails."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from providers.bounces.bounce_entry import BounceKey
from providers.bounces.bounce_reader import BounceReader, NoReceipt
from schemas.receipts import Receipt, ReceiptClass, ReceiptStatus
from tests.unit.providers.bounces.sample_bounces import (
    DELIVERY_ID,
    EXCHANGE,
    EXIM,
    GMAIL,
    KEY,
    NOW,
    POSTFIX,
    READER,
    SIGNED,
    SIGNER,
    a_complaint,
    a_report,
)

ELEVEN = datetime(2026, 11, 30, 11, 12, 13, tzinfo=UTC)
COPIED = SIGNER.sign(DELIVERY_ID, "ann@example.org")
"""Return path of an e-mail to Ann that has copies."""


def read(content: bytes, recipient: str | None = None) -> Receipt | NoReceipt:
    return READER.read(content, recipient, NOW)


def a_receipt(status: ReceiptStatus, code: str, receipt_class: ReceiptClass | None = None, **other: Any) -> Receipt:
    usual = {"provider": "post", "delivery_id": DELIVERY_ID, "occurred_at": ELEVEN}
    return Receipt(status=status, code=code, receipt_class=receipt_class, **{**usual, **other})


def outcome(content: bytes) -> tuple[ReceiptStatus, str | None, ReceiptClass | None]:
    receipt = read(content)
    assert isinstance(receipt, Receipt)
    return receipt.status, receipt.code, receipt.receipt_class


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (POSTFIX, a_receipt(ReceiptStatus.FAILED, "5.1.1", ReceiptClass.HARD_BOUNCE)),
        (EXIM, a_receipt(ReceiptStatus.FAILED, "5.2.1", ReceiptClass.HARD_BOUNCE)),
        (EXCHANGE, a_receipt(ReceiptStatus.FAILED, "5.2.2", ReceiptClass.SOFT_BOUNCE)),
        (GMAIL, a_receipt(ReceiptStatus.SENT, "4.4.1")),
    ],
    ids=["Postfix", "Exim", "Exchange", "Gmail"],
)
def test_the_report_of_a_mail_server_is_a_receipt(content: bytes, expected: Receipt) -> None:
    assert read(content) == expected
    assert read(content.replace(b"\r\n", b"\n")) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("Action: delivered\nStatus: 2.0.0", (ReceiptStatus.DELIVERED, "2.0.0", None)),
        ("Action: relayed\nStatus: 2.0.0", (ReceiptStatus.SENT, "2.0.0", None)),
        ("Action: expanded\nStatus: 2.1.5", (ReceiptStatus.SENT, "2.1.5", None)),
        ("Action: delayed\nStatus: 4.4.7", (ReceiptStatus.SENT, "4.4.7", None)),
        ("Action: FAILED (expired)\nStatus: 4.4.7", (ReceiptStatus.FAILED, "4.4.7", ReceiptClass.SOFT_BOUNCE)),
        ("Action: failed", (ReceiptStatus.FAILED, "failed", ReceiptClass.SOFT_BOUNCE)),
        ("Action: failed\nStatus: 5.4.4 (no host)", (ReceiptStatus.FAILED, "5.4.4", ReceiptClass.HARD_BOUNCE)),
        ("Action: failed\nStatus: 5.7.1", (ReceiptStatus.FAILED, "5.7.1", ReceiptClass.SOFT_BOUNCE)),
        ("Action: lost\nStatus: 5.1.1", (ReceiptStatus.UNRECOGNISED, "5.1.1", None)),
    ],
)
def test_the_action_is_the_status_and_the_code_of_a_failure_is_its_class(
    fields: str, expected: tuple[ReceiptStatus, str | None, ReceiptClass | None]
) -> None:
    assert outcome(a_report(fields)) == expected


@pytest.mark.parametrize(
    ("status", "diagnostic", "code"),
    [
        ("5.0.0", "smtp; 550 5.1.1 nobody", "5.1.1"),
        ("5.0.0", "smtp;550-5.1.10 nobody", "5.1.10"),
        ("5.0.0", "smtp; 550 no such user", "5.0.0"),
        ("5.0.0", "x-unix; 550 5.1.1 nobody", "5.0.0"),
        ("5.2.2", "smtp; 550 5.1.1 nobody", "5.2.2"),
        ("wrong", "smtp; 550 #5.1.1 nobody", "5.1.1"),
        ("5.1.1.1", "", "failed"),
    ],
)
def test_a_code_in_the_diagnostic_replaces_one_that_says_nothing(status: str, diagnostic: str, code: str) -> None:
    assert outcome(a_report(f"Action: failed\nStatus: {status}\nDiagnostic-Code: {diagnostic}"))[1] == code


def test_a_mail_that_arrived_in_one_mailbox_of_an_alias_is_delivered() -> None:
    fields = "Action: failed\nStatus: 5.1.1\n\nAction: delivered\nStatus: 2.1.5"

    assert outcome(a_report(fields))[0] is ReceiptStatus.DELIVERED


def test_a_complaint_names_the_return_path_of_the_mail() -> None:
    expected = a_receipt(ReceiptStatus.DELIVERED, "abuse", ReceiptClass.COMPLAINT)

    assert read(a_complaint()) == expected


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "other"])
def test_other_feedback_is_not_a_complaint(kind: str) -> None:
    assert read(a_complaint(kind)) is NoReceipt.OTHER


def test_the_address_that_the_server_was_told_is_enough() -> None:
    content = a_report(to="bounces@example.com")

    assert read(content) is NoReceipt.UNSIGNED
    assert isinstance(read(content, SIGNED), Receipt)


@pytest.mark.parametrize("position", range(1, 17))
def test_a_mac_with_another_character_is_not_believed(position: int) -> None:
    at = SIGNED.index("@") - position
    forged = SIGNED[:at] + ("0" if SIGNED[at] != "0" else "1") + SIGNED[at + 1 :]

    assert read(a_report(to=forged)) is NoReceipt.UNSIGNED


def test_a_mac_does_not_fit_another_delivery_or_another_provider() -> None:
    other_delivery = SIGNED.replace("0000000af", "0000000ae")
    other_provider = BounceReader([BounceKey("second", KEY)])

    assert read(a_report(to=other_delivery)) is NoReceipt.UNSIGNED
    assert other_provider.read(a_report(), None, NOW) is NoReceipt.UNSIGNED


def test_the_old_and_the_new_key_of_a_provider_count() -> None:
    reader = BounceReader([BounceKey("post", "another key of thirty-two letters"), BounceKey("post", KEY)])

    assert isinstance(reader.read(a_report(), None, NOW), Receipt)


def test_an_answer_of_a_program_is_not_a_report() -> None:
    content = f"To: {SIGNED}\r\nSubject: Out of office\r\n\r\nI am away. Action: failed".encode()

    assert read(content) is NoReceipt.OTHER


@pytest.mark.parametrize("name", ["Final-Recipient", "Original-Recipient"])
def test_a_report_about_the_recipient_of_a_mail_with_copies_counts(name: str) -> None:
    content = a_report(to=COPIED).replace(b"Final-Recipient: rfc822; ann", f"{name}: rfc822;Ann".encode())

    assert outcome(content)[0] is ReceiptStatus.FAILED


def test_a_report_about_a_copy_says_nothing_of_the_recipient() -> None:
    content = a_report(to=COPIED).replace(b"ann@", b"copy@")
    both = a_report("Action: delivered\n\nFinal-Recipient: rfc822; copy@example.org\nAction: failed", to=COPIED)

    assert read(content) is NoReceipt.UNSIGNED
    assert outcome(both)[0] is ReceiptStatus.DELIVERED


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Mon, 30 Nov 2026 10:00:00 +0000", NOW - timedelta(hours=2)),
        ("Mon, 30 Nov 2026 10:00:00 -0000", NOW - timedelta(hours=2)),
        ("Tue, 01 Dec 2026 10:00:00 +0000", NOW - timedelta(hours=1)),  # the date of the mail
        ("Mon, 30 Nov 1970 10:00:00 +0000", NOW - timedelta(hours=1)),
        ("Mon, 30 Nov 99999 10:00:00 +9999", NOW - timedelta(hours=1)),
        ("yesterday", NOW - timedelta(hours=1)),
    ],
)
def test_the_time_of_the_last_attempt_counts_if_it_can_be_right(date: str, expected: datetime) -> None:
    receipt = read(a_report(f"Action: failed\nLast-Attempt-Date: {date}"))

    assert isinstance(receipt, Receipt)
    assert receipt.occurred_at == expected


def test_a_report_in_another_transfer_encoding_is_read() -> None:
    fields = "UmVwb3J0aW5nLU1UQTogZG5zOyBteAoKQWN0aW9uOiBmYWlsZWQKU3RhdHVzOiA1LjEuMQo="
    plain = a_report().replace(b"message/delivery-status\r\n", b"message/global-delivery-status\r\n", 1)
    head, _, rest = plain.partition(b"delivery-status\r\n\r\n")
    encoded = b"%bdelivery-status\r\nContent-Transfer-Encoding: base64\r\n\r\n%b\r\n--edge--" % (head, fields.encode())

    assert rest
    assert outcome(encoded) == (ReceiptStatus.FAILED, "5.1.1", ReceiptClass.HARD_BOUNCE)


def test_no_key_is_shown() -> None:
    assert KEY not in repr(BounceKey("post", KEY))
