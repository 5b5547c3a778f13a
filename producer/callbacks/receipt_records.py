"""Records of receipts, as the consumer reads them. They hold no address."""

import re
from typing import Any, NamedTuple

from core.ids import position
from core.send_result import HiddenMessageId
from ledger.message_ids import hidden_message_ids
from ledger.recipient_hashes import receipt_hashes
from ledger.sealing import Sealer
from producer.callbacks.sources import ReceiptSource
from providers.message_ids import message_id_of_receipt
from providers.receipts.receipt_format import VendorReceipt
from schemas.receipts import MAX_RECIPIENT_HASHES, Receipt
from schemas.record_base import SCHEMA_VERSION

MAX_MESSAGE_ID = 200
"""Maximum length of a provider's message id, in characters, as in `Receipt`."""
_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,40}")
"""Shape of a code, as in `Receipt`."""


class ReceiptRecord(NamedTuple):
    """Record for the receipts topic."""

    key: bytes
    value: bytes


def shown_code(code: str) -> str | None:
    """Return the code of a vendor, or None if it has another shape than codes have."""
    return code if _CODE.fullmatch(code) else None


def receipt_record(
    source: ReceiptSource, receipt: VendorReceipt, sealer: Sealer, default_region: str | None
) -> ReceiptRecord | None:
    """Return the record of a receipt, or None if it names neither a delivery nor a message.

    An id of another shape than ours, or one that no message has, is left out.
    """
    delivery_id = receipt.delivery_id if receipt.delivery_id and position(receipt.delivery_id) else None
    message_id = receipt.message_id if receipt.message_id and _is_id(receipt.message_id) else None
    message_ids = _published_ids(message_id, receipt.recipient, sealer) if message_id else ()
    key = delivery_id or (message_ids[0] if message_ids else None)
    if key is None:
        return None
    fields: dict[str, Any] = {
        "provider": source.provider,
        "provider_message_id": message_ids[0] if message_ids else None,
        "status": receipt.status,
        "occurred_at": receipt.occurred_at,
        "delivery_id": delivery_id,
        "recipient_hashes": receipt_hashes(receipt.recipient, sealer, default_region) if receipt.recipient else (),
        "receipt_class": receipt.receipt_class,
        "code": shown_code(receipt.code),
        "tenant_id": source.tenant_id,
        "other_message_ids": message_ids[1:],
        "schema_version": SCHEMA_VERSION,
    }
    record = Receipt(**{name: value for name, value in fields.items() if value})
    return ReceiptRecord(key.encode(), record.model_dump_json(exclude_unset=True).encode())


def _published_ids(message_id: str, recipient: str | None, sealer: Sealer) -> tuple[str, ...]:
    """Return the id, or its hashes under the newest keys if it may show an address (I9)."""
    published = message_id_of_receipt(message_id, recipient)
    if isinstance(published, HiddenMessageId):
        return hidden_message_ids(published, sealer)[:MAX_RECIPIENT_HASHES]
    return (published,)


def _is_id(text: str) -> bool:
    """Return whether a text may be a message id. Half of a surrogate pair, which JSON can write, is not printable."""
    return len(text) <= MAX_MESSAGE_ID and text.isprintable()
