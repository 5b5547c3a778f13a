"""Records of receipts with strange values."""

from datetime import UTC, datetime

import pytest

from core.ids import log_id, request_key
from ledger.message_ids import possible_message_ids
from ledger.sealing import Sealer
from producer.callbacks.receipt_records import receipt_record
from producer.callbacks.sources import ReceiptSource
from providers.receipts.receipt_format import VendorReceipt
from schemas.receipts import Receipt, ReceiptStatus

SEALER = Sealer([("k1", bytes(32))])
MESSAGE = "SM" + "1" * 32
DELIVERY = log_id(request_key("tnt_a", "r"), 0, 7)
RECEIPT = VendorReceipt(ReceiptStatus.FAILED, "30003", datetime(2026, 11, 30, 12, tzinfo=UTC), DELIVERY, MESSAGE)


def read(receipt: VendorReceipt, tenant_id: str | None = None) -> Receipt | None:
    record = receipt_record(ReceiptSource("prv_1", "twilio", (), tenant_id), receipt, SEALER, "CN")
    return Receipt.model_validate_json(record.value) if record else None


def test_a_receipt_of_an_own_provider_names_its_id_and_its_tenant() -> None:
    receipt = read(RECEIPT, "tnt_a")

    assert receipt is not None
    assert (receipt.provider, receipt.tenant_id, receipt.code) == ("prv_1", "tnt_a", "30003")
    assert (receipt.delivery_id, receipt.provider_message_id) == (DELIVERY, MESSAGE)


@pytest.mark.parametrize("strange", ["", "x" * 201, "a\nb", "\ud800"])
def test_an_id_that_no_message_has_is_left_out(strange: str) -> None:
    receipt = read(RECEIPT._replace(message_id=strange))

    assert receipt is not None
    assert (receipt.delivery_id, receipt.provider_message_id) == (DELIVERY, None)
    assert read(RECEIPT._replace(message_id=strange, delivery_id=None)) is None
    assert read(RECEIPT._replace(message_id=strange, delivery_id=f"{DELIVERY}\n")) is None


def test_a_message_id_that_may_show_an_address_is_published_as_its_hashes() -> None:
    hidden = RECEIPT._replace(message_id="13800138000-20261130", recipient="+8613800138000", delivery_id=None)
    sealer = Sealer([("new", b"\1" * 32), ("old", bytes(32))])

    record = receipt_record(ReceiptSource("gateway", "http", ()), hidden, sealer, None)

    assert record is not None
    receipt = Receipt.model_validate_json(record.value)
    forms = possible_message_ids("13800138000-20261130", sealer)
    assert (receipt.provider_message_id, receipt.other_message_ids) == (forms[1], forms[2:])
    assert record.key == forms[1].encode()
    assert b"13800138000" not in record.value


@pytest.mark.parametrize("code", ["", "x" * 41, "anna@example.org", "a b", "5.1.1\n"])
def test_a_code_of_another_shape_is_left_out(code: str) -> None:
    receipt = read(RECEIPT._replace(code=code))

    assert receipt is not None
    assert receipt.code is None
