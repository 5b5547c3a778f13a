"""Message ids of vendors: kept in known shapes, hidden in all others, and found again by a receipt."""

from dataclasses import replace

import pytest

from core.ids import log_id, request_key
from core.send_result import HiddenMessageId, Message
from ledger.message_ids import possible_message_ids, stored_message_id
from ledger.sealing import Sealer
from providers.message_ids import message_id_of, message_id_of_receipt
from schemas.statuses import Channel

SMS = Message(
    "log_1",
    Channel.SMS,
    "+8613800138000",
    "Your code is 123456",
    None,
    is_html=False,
    reference=None,
    tenant_id="tnt_1",
)
MAIL = replace(SMS, channel=Channel.EMAIL, to="Anna.Schmidt@example.com")

DELIVERY = log_id(request_key("tnt_1", "r"), 0, 7)

OLD, NEW = ("old", b"o" * 32), ("new", b"n" * 32)


@pytest.mark.parametrize("message", [SMS, MAIL])
@pytest.mark.parametrize(
    "value",
    [
        "6f1c7e2a-3b4d-4c5e-8f90-1a2b3c4d5e6f",
        "SM0123456789abcdef0123456789abcdef",
        "0100018d9f1e8f2a-3b1c2d4e-5f60-4a1b-8c2d-3e4f5a6b7c8d-000000",
        "900619746936498440^0",
        "5000:1045710669157053657849499619",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "log_1",
        "gw-log_1",
        7205759403792793600,
    ],
)
def test_an_id_of_a_known_shape_is_kept(message: Message, value: object) -> None:
    assert message_id_of(value, message) == str(value)


@pytest.mark.parametrize(
    ("text", "recipient"),
    [
        ("SM0123456789abcdef0123456789abcdef", "+8613800138000"),
        ("SM0123456789abcdef0123456789abcdef", None),
        ("SM0123456789abcdef0123456789abcdef", "1"),
        (f"gw-{DELIVERY}", "anna@example.com"),
        ("20261129-1380013-80001234", "anna@example.com"),
    ],
)
def test_an_id_of_a_receipt_is_kept_as_that_of_its_message_is(text: str, recipient: str | None) -> None:
    assert message_id_of_receipt(text, recipient) == text


@pytest.mark.parametrize(
    ("text", "recipient"),
    [
        ("13800138000-20261129", "138 0013 8000"),
        ("2026112913800138000000", "8613800138000"),
        ("20260203192638.000be97f99f8cea1@mg.example.com", None),
        ("anna@example.com", None),
        ("log_1", None),
    ],
)
def test_an_id_of_a_receipt_that_may_show_an_address_is_hidden(text: str, recipient: str | None) -> None:
    assert message_id_of_receipt(text, recipient) == HiddenMessageId(text)


@pytest.mark.parametrize("value", [True, None, ["x"], {"id": 1}, 1.5, ""])
def test_a_value_that_is_no_id_is_not_kept(value: object) -> None:
    assert message_id_of(value, SMS) is None


@pytest.mark.parametrize(
    ("message", "value"),
    [
        (SMS, "+8613800138000"),
        (SMS, "13800138000-20261129"),
        (SMS, "138-0013-8000:2026112912000000"),
        (SMS, "2026112913800138000000"),
        (SMS, "dead.1380.0138.000.2026112912"),
        (SMS, "Your+code+is+123456"),
        (SMS, "123456"),
        (SMS, "17"),
        (SMS, "line\nbreak"),
        (SMS, "\udc80"),
        (SMS, "0" * 201),
        (SMS, "dead-beef-cafe-babe-face"),
        (SMS, "8613900139000"),
        (MAIL, "anna.schmidt@example.com"),
        (MAIL, "anna.schmidt@example.com-1"),
        (MAIL, "Anna.Schmidt%40example.com"),
        (MAIL, "<20261129.1@example.com>"),
        (replace(MAIL, to="1234567890@example.com"), "2026112912345678900000"),
        (SMS, "2026000831008316826112"),
        (SMS, "683108108300F00000000000"),
        (SMS, "SM000007d58e7f5510"),
        (SMS, b"8613800138000".hex()),
        (SMS, f"gw-{b'13800138000'.hex()}-00ff00ff"),
        (MAIL, b"anna.schmidt@example.com".hex()),
        (MAIL, b"ANNA.SCHMIDT%40example.com".hex().upper()),
        (MAIL, f"f{b'tdimhcs.anna'[::-1].hex()}0"),
        (replace(MAIL, to="anna@example.com"), "anna-2026112912000000"),
        (replace(MAIL, to="anna@example.com"), b"anna@example.com".hex()),
        (replace(SMS, text="20261129"), "2026112912000000"),
        (replace(SMS, secrets=("864209",)), "2026864209000000"),
        (replace(SMS, secrets=("2026112912000000",)), "2026112912000000"),
    ],
)
def test_any_other_id_is_hidden(message: Message, value: str) -> None:
    hidden = message_id_of(value, message)

    assert hidden == HiddenMessageId(value)
    assert value not in repr(hidden)


@pytest.mark.parametrize("message_id", ["6f1c7e2a-3b4d-4c5e-8f90-1a2b3c4d5e6f", HiddenMessageId("anna@example.com-1")])
def test_a_receipt_finds_an_id_in_the_form_in_which_it_was_stored_also_after_a_new_key(
    message_id: str | HiddenMessageId,
) -> None:
    stored = stored_message_id(message_id, Sealer([OLD]))
    named = message_id if isinstance(message_id, str) else message_id.text

    assert stored in possible_message_ids(named, Sealer([NEW, OLD]))
    assert stored == message_id or "anna" not in str(stored)


def test_no_id_is_stored_as_none() -> None:
    assert stored_message_id(None, Sealer([NEW])) is None
