"""Providers that may send receipts, each with the formats that check and read its calls."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from providers.receipts.receipt_format import ReceiptEntry, ReceiptFormat
from providers.receipts.receipt_kinds import RECEIPT_KINDS

OWN = "own"
"""Name in the metrics for all providers that tenants manage themselves. Their ids are too many for a metric."""


class KeyedFormat(NamedTuple):
    """Format of one entry, and the entry."""

    format: ReceiptFormat
    entry: ReceiptEntry


@dataclass(frozen=True, slots=True)
class ReceiptSource:
    """Provider whose receipts are taken."""

    provider: str
    """Name of the provider, or the id of one that a tenant manages itself."""
    kind: str
    formats: tuple[KeyedFormat, ...] = field(repr=False)
    """One of them must accept the call. There are two while the keys change."""
    tenant_id: str | None = None

    @property
    def label(self) -> str:
        """Return the name in the metrics."""
        return self.provider if self.tenant_id is None else OWN


def build_source(provider: str, entries: Sequence[ReceiptEntry], tenant_id: str | None = None) -> ReceiptSource:
    """Return the source of a provider with these entries, which have one kind."""
    formats = tuple(KeyedFormat(RECEIPT_KINDS[entry.kind].build(entry), entry) for entry in entries)
    return ReceiptSource(provider, entries[0].kind, formats, tenant_id)


def sources_of(entries: Iterable[ReceiptEntry]) -> dict[str, ReceiptSource]:
    """Return the sources of the installation by the names of their providers."""
    by_provider = defaultdict[str, list[ReceiptEntry]](list)
    for entry in entries:
        by_provider[entry.provider].append(entry)
    return {provider: build_source(provider, own) for provider, own in by_provider.items()}
