"""Access to the suppressions of a tenant, with its key."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from ledger.errors import LedgerRefused, SealingError
from ledger.ports import Ledger
from ledger.suppressing import (
    InvalidSuppressionError,
    SuppressedAddress,
    normalised_recipient,
    suppressed_address,
)
from ledger.suppression_key import SuppressionKey
from ledger.suppression_port import MAX_ENTRIES
from ledger.tenant_key import TenantKey, find_tenant_key, get_or_create_key, open_tenant_key, seconds_until_known
from producer.dependencies import Dependencies
from producer.errors import BadRequestError, UnavailableError
from schemas.suppressions import SuppressedRecipient, SuppressionAddition

DEFAULT_SOURCE = "api"
"""Source of an entry whose caller named none."""
IN_EFFECT = "in effect for all windows that open from now on. A window that is open may still be sent once."
"""Message after an addition."""
FULL = f"the address has {MAX_ENTRIES} entries. Remove some, or add one with the scope `all`."
"""Problem of an address that takes no further entry."""

T = TypeVar("T")


async def key_for_additions(deps: Dependencies, tenant_id: str) -> SuppressionKey:
    """Return the key of the suppressions of a tenant. Raises UnavailableError."""
    return SuppressionKey(await tenant_key_for_additions(deps, tenant_id))


async def key_for_reads(deps: Dependencies, tenant_id: str) -> SuppressionKey | None:
    """Return the key of a tenant, or None if it has no suppressions. Raises UnavailableError."""
    key = await tenant_key_for_reads(deps, tenant_id)
    return SuppressionKey(key) if key else None


async def tenant_key_for_additions(deps: Dependencies, tenant_id: str) -> TenantKey:
    """Return the key of a tenant. The first addition creates it, and waits until all consumers know it: 8 s.

    Raises UnavailableError.
    """

    async def read(ledger: Ledger) -> tuple[TenantKey, float]:
        stored = await get_or_create_key(ledger.tenants, tenant_id, deps.sealer, ledger.now())
        return open_tenant_key(stored, tenant_id, deps.sealer), seconds_until_known(stored, ledger.now())

    key, seconds = await query(deps, read)
    if seconds:
        await deps.clock.sleep(seconds)
    return key


async def tenant_key_for_reads(deps: Dependencies, tenant_id: str) -> TenantKey | None:
    """Return the key of a tenant, or None if it has none, and so no records under it. Raises UnavailableError."""
    return await query(deps, lambda ledger: find_tenant_key(ledger.tenants, tenant_id, deps.sealer))


async def query(deps: Dependencies, operation: Callable[[Ledger], Awaitable[T]]) -> T:
    """Return the result of an operation on the ledger. Raises UnavailableError."""
    try:
        return await deps.gateway.query(operation)
    except LedgerRefused:
        raise UnavailableError("the settings of this tenant cannot be read by this version of rollcall") from None
    except SealingError:
        raise UnavailableError(
            "the key of this tenant cannot be opened. Ask the operator for the sealing key of that time."
        ) from None


def normalise(body: SuppressedRecipient, deps: Dependencies) -> str:
    """Return the normalised address of a body. Raises BadRequestError."""
    try:
        return normalised_recipient(body, deps.settings.default_region)
    except InvalidSuppressionError as error:
        raise BadRequestError(str(error)) from None


def address_to_suppress(body: SuppressionAddition, deps: Dependencies) -> SuppressedAddress:
    """Return the address and the entry of a body. Raises BadRequestError."""
    try:
        return suppressed_address(body, deps.settings.default_region, DEFAULT_SOURCE, deps.clock.now())
    except InvalidSuppressionError as error:
        raise BadRequestError(str(error)) from None
