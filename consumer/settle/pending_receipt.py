"""Receipt on its way to its log, and its sealed form in the ledger."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from ledger.message_ids import possible_message_ids
from ledger.sealing import Sealer
from schemas.receipts import Receipt


@dataclass(frozen=True, slots=True)
class PendingReceipt:
    """Receipt that is to be settled."""

    id: str
    """Partition, offset and timestamp of its record. A topic that is created again has the same offsets again."""
    receipt: Receipt = field(repr=False)
    message_ids: tuple[str, ...] = field(repr=False)
    """Forms in which the ledger may have the message id of the provider. Empty if the receipt has none."""
    recipient_hashes: frozenset[bytes] = field(repr=False)

    @classmethod
    def of(cls, id_: str, receipt: Receipt, sealer: Sealer) -> Self:
        """Return the receipt with what finds its log."""
        message_id, others = receipt.provider_message_id, receipt.other_message_ids
        hashes = frozenset(bytes.fromhex(each.partition(":")[2]) for each in receipt.recipient_hashes)
        return cls(id_, receipt, (*_forms(message_id, sealer), *others), hashes)

    def sealed(self, sealer: Sealer) -> bytes:
        """Return the sealed form."""
        return sealer.seal(self.receipt.model_dump_json(exclude_defaults=True).encode(), _name(self.id))

    @classmethod
    def opened(cls, id_: str, sealed: bytes, sealer: Sealer) -> Self:
        """Return the receipt of a sealed form. Raise SealingError if its key is missing."""
        return cls.of(id_, Receipt.model_validate_json(sealer.open(sealed, _name(id_))), sealer)

    def age_seconds(self, now: datetime) -> float:
        """Return the time since the report of the provider, by its clock, in seconds."""
        return max(0.0, (now - self.receipt.occurred_at).total_seconds())


def _forms(message_id: str | None, sealer: Sealer) -> tuple[str, ...]:
    return possible_message_ids(message_id, sealer) if message_id else ()


def _name(id_: str) -> str:
    """Return the name that a receipt is sealed under, so that it cannot be opened in another place."""
    return f"receipt {id_}"
