"""Orders to erase the data of a person: how they begin, and how they begin again."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.ids import erased_person
from ledger.audit_port import AuditAction, AuditEntry
from ledger.consent_key import ConsentKey
from ledger.erasure_port import LATE_WRITES, Erasure, ErasureTarget
from ledger.ports import Ledger
from ledger.recipient_hashes import recipient_hashes
from ledger.sealing import Sealer
from ledger.suppression_key import SuppressionKey
from ledger.tenant_key import TenantKey, get_or_create_key, open_tenant_key
from schemas.statuses import Category, Channel

REOPEN_DELAY = timedelta(seconds=30)
"""Time from the moment at which data of an erased person is met until a pass. It is being written at that moment."""


@dataclass(frozen=True, slots=True)
class Person:
    """User of a tenant, or recipient of a channel."""

    value: str = field(repr=False)
    """User id, or normalised address."""
    channel: Channel | None = None
    """None: a user."""
    given: str | None = field(default=None, repr=False)
    """Address as the caller wrote it. The ledger has that form if it was not valid for the region of its time."""
    region: str | None = None
    """Country of a number that was given without `+`."""

    def id_under(self, key: SuppressionKey) -> str:
        """Return the id of the erasure of this person."""
        return key.id_of_user(self.value) if self.channel is None else key.id_of(self.channel, self.value)

    def target(self, sealer: Sealer) -> ErasureTarget:
        """Return what the erasure looks for."""
        return ErasureTarget(self.value) if self.channel is None else ErasureTarget(hashes=self.hashes(sealer))

    def hashes(self, sealer: Sealer) -> frozenset[bytes]:
        """Return the hashes that a recipient may have in the ledger. A user has none."""
        if self.channel is None:
            return frozenset()
        return recipient_hashes(self.given or self.value, self.channel, sealer, self.region)

    def consent_ids(self, key: ConsentKey) -> list[str]:
        """Return the ids of the consents of an address. A user has none."""
        if self.channel is None:
            return []
        channel, address = self.channel, [self.value]
        return [name for category in Category for name in key.ids_of(channel, category, address)]


@dataclass(frozen=True, slots=True)
class AuditedCall:
    """Call of an actor that the audit log names."""

    entry_id: str
    tenant_id: str
    actor: str
    at: datetime


async def id_of_person(ledger: Ledger, tenant_id: str, sealer: Sealer, person: Person) -> str:
    """Return the id of the erasure of a person. The first use creates the key of the tenant. Raise SealingError."""
    return person.id_under(SuppressionKey(await _tenant_key(ledger, tenant_id, sealer)))


async def _tenant_key(ledger: Ledger, tenant_id: str, sealer: Sealer) -> TenantKey:
    stored = await get_or_create_key(ledger.tenants, tenant_id, sealer, ledger.now())
    return open_tenant_key(stored, tenant_id, sealer)


async def order_erasure(ledger: Ledger, sealer: Sealer, person: Person, call: AuditedCall) -> Erasure:
    """Store the order to erase all that was accepted until now. It is carried out even if this process dies.

    Consents are erased before, because an order does not have the address. Raise SealingError without the sealing key
    of the tenant's key.
    """
    key = await _tenant_key(ledger, call.tenant_id, sealer)
    name, before = person.id_under(SuppressionKey(key)), max(ledger.now(), call.at)
    await ledger.audit.add(audit_entry(AuditAction.ERASE, name, call))
    await ledger.consents.erase_addresses(person.consent_ids(ConsentKey(key)), before)
    order = Erasure(name, call.tenant_id, before, person.target(sealer), call.entry_id, before + LATE_WRITES)
    await ledger.erasures.start(order)
    return order


def audit_entry(action: AuditAction, person_id: str, call: AuditedCall) -> AuditEntry:
    """Return the entry of the audit log for a call."""
    return AuditEntry(call.entry_id, call.tenant_id, action, call.actor, erased_person(person_id)[0], call.at)


async def reopen(ledger: Ledger, sealer: Sealer, erasure_id: str, person: Person) -> None:
    """Let a finished order look again soon, because data of the person was found."""
    now = ledger.now()
    await ledger.erasures.reopen(erasure_id, person.target(sealer), now + REOPEN_DELAY, now + LATE_WRITES)
