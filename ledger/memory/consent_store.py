"""Consents in memory."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from typing_extensions import override

from core.consents import Consent, GivenConsent, with_consent, with_withdrawal
from ledger.consent_port import Consents, ConsentSubject, StoredConsent
from ledger.memory.store import Store


class MemoryConsents(Consents):
    """Consents in memory."""

    def __init__(self, store: Store) -> None:
        self._stored = store.consents

    @override
    async def find_in_force(self, ids: Collection[str]) -> set[str]:
        return {each for each in ids if each in self._stored and self._stored[each].consent.is_in_force}

    @override
    async def get_many(self, ids: Collection[str]) -> dict[str, StoredConsent]:
        return {each: self._stored[each] for each in ids if each in self._stored}

    @override
    async def record(self, consents: Sequence[tuple[ConsentSubject, GivenConsent]]) -> None:
        for subject, given in consents:
            old = self._get(subject)
            sealed = old.sealed or subject.sealed
            self._stored[subject.id] = replace(old, sealed=sealed, consent=with_consent(old.consent, given))

    @override
    async def withdraw(self, subject: ConsentSubject, at: datetime) -> None:
        old = self._get(subject)
        self._stored[subject.id] = replace(old, consent=with_withdrawal(old.consent, at))

    @override
    async def erase_addresses(self, ids: Collection[str], at: datetime) -> int:
        found = [self._stored[each] for each in ids if each in self._stored and self._stored[each].sealed]
        for each in found:
            self._stored[each.id] = replace(each, sealed=b"", consent=with_withdrawal(each.consent, at))
        return len(found)

    @override
    async def list_range(self, after: str, before: str, limit: int) -> list[StoredConsent]:
        return [self._stored[each] for each in sorted(self._stored) if after < each < before][:limit]

    def _get(self, subject: ConsentSubject) -> StoredConsent:
        return self._stored.get(subject.id, StoredConsent(*subject, Consent()))
