"""Ordered rules that decide recipients before a chunk is written. An excluded recipient gets no message."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from consumer.context import ConsumerContext
from consumer.expand.check_recipients import UNKNOWN_HASH, CheckedRecipients, Decision, Decisions
from consumer.tenants.required_consent import find_without_consent
from consumer.tenants.suppressed_recipients import find_suppressed
from core.ids import LogId, log_id
from ledger.errors import SealingError
from ledger.models import Part, RequestHeader
from schemas.statuses import Reason, Status

_NEVER_DUPLICATES = frozenset({Reason.INVALID_RECIPIENT, Reason.UNPROCESSABLE})
"""Reasons of recipients without a usable address. Two of them are not the same recipient."""


@dataclass(frozen=True, slots=True)
class ExclusionScope:
    """The part whose recipients the rules decide."""

    header: RequestHeader
    part: Part
    context: ConsumerContext
    is_expired: bool = False
    """True if the expansion of the part began at the request's `expires_at` or later."""


Exclusion = Callable[[CheckedRecipients, Decisions, ExclusionScope], Awaitable[Decisions]]
"""Rule that gets the decisions of all earlier rules and returns its own. It changes nothing that it gets."""


async def exclude_duplicates(checked: CheckedRecipients, decided: Decisions, scope: ExclusionScope) -> Decisions:
    """Suppress recipients whose address appears in a lower part of the request."""
    key, part, context = scope.header.key, scope.part.number, scope.context
    if part == 0:
        return {}
    hashes = [value for value in checked.hashes if value != UNKNOWN_HASH]
    duplicates = await context.retry_until_available(
        "find duplicates", context.ledger.chunks.find_duplicates, key, part, hashes
    )
    return {
        index: Decision(Status.SUPPRESSED, Reason.DUPLICATE)
        for index, value in enumerate(checked.hashes, checked.first)
        if value in duplicates and (index not in decided or decided[index].reason not in _NEVER_DUPLICATES)
    }


async def exclude_expired(checked: CheckedRecipients, decided: Decisions, scope: ExclusionScope) -> Decisions:
    """Expire all recipients of a part that came too late."""
    del decided
    if not scope.is_expired:
        return {}
    end = checked.first + len(checked.hashes)
    return dict.fromkeys(range(checked.first, end), Decision(Status.EXPIRED, Reason.EXPIRED))


async def exclude_suppressed(checked: CheckedRecipients, decided: Decisions, scope: ExclusionScope) -> Decisions:
    """Suppress recipients whose address the tenant must not write to, and cancel those whose data was erased.

    Each window asks again before it is sent. So without the key, this rule excludes no recipient. Recipients that are
    decided already are looked for too, because the data of an erased one will be erased again.
    """
    first = checked.first
    all_indices = range(first, first + len(checked.plain))
    try:
        found = await find_suppressed(
            scope.header, all_indices, lambda index: checked.plain[index - first][0], scope.context
        )
    except SealingError:
        return {}
    return {
        index: Decision(Status.CANCELLED if reason is Reason.ERASED else Status.SUPPRESSED, reason)
        for index, reason in found.items()
        if index not in decided
    }


async def exclude_without_consent(checked: CheckedRecipients, decided: Decisions, scope: ExclusionScope) -> Decisions:
    """Suppress recipients without a consent, if the tenant asks for one.

    Each window asks again before it is sent. So without the key, this rule excludes no recipient.
    """
    first = checked.first
    try:
        found = await find_without_consent(
            scope.header, _undecided(checked, decided), lambda index: checked.plain[index - first].to, scope.context
        )
    except SealingError:
        return {}
    return dict.fromkeys(found, Decision(Status.SUPPRESSED, Reason.NO_CONSENT))


async def exclude_settled_resends(checked: CheckedRecipients, decided: Decisions, scope: ExclusionScope) -> Decisions:
    """Suppress resends of a delivery that is settled by now, or that another delivery repeats.

    Each resend is reserved on the log of the old delivery, at most once. The rule runs before the chunk is written.
    A chunk therefore never holds a resend that another chunk may hold as well. A reservation stays, and a second
    expansion gets the same answer.
    """
    header, part, context = scope.header, scope.part.number, scope.context
    undecided = {
        index: old
        for index, old in enumerate(checked.resend_of or (), checked.first)
        if old is not None and index not in decided
    }
    first_index: dict[LogId, int] = {}
    for index, old in undecided.items():
        first_index.setdefault(old, index)
    if not first_index:
        return {}
    resends = {old: log_id(header.key, part, index) for old, index in first_index.items()}
    reserved = await context.retry_until_available(
        "reserve resends", context.ledger.logs.reserve_resends, header.tenant_id, resends
    )
    return {
        index: Decision(Status.SUPPRESSED, Reason.SETTLED)
        for index, old in undecided.items()
        if not (old in reserved and first_index[old] == index)
    }


def _undecided(checked: CheckedRecipients, decided: Decisions) -> list[int]:
    first = checked.first
    return [index for index in range(first, first + len(checked.plain)) if index not in decided]


EXCLUSIONS: tuple[Exclusion, ...] = (
    exclude_duplicates,
    exclude_expired,
    exclude_suppressed,
    exclude_without_consent,
    exclude_settled_resends,
)
"""Rules in the order in which they are applied. They start from the decisions of `RecipientChecker`.

- `exclude_duplicates` replaces every decision except INVALID_RECIPIENT and UNPROCESSABLE.
- `exclude_expired` replaces every decision.
- `exclude_suppressed` decides only recipients that are still undecided. So a delivery to a suppressed address repeats
  no other delivery.
- `exclude_without_consent` does the same for addresses without a consent.
- `exclude_settled_resends` decides only recipients that are still undecided.
"""


async def apply_exclusions(checked: CheckedRecipients, scope: ExclusionScope) -> Decisions:
    """Return the decisions about the recipients of a chunk after all rules."""
    decided = checked.decided
    for exclude in EXCLUSIONS:
        decided = {**decided, **await exclude(checked, decided, scope)}
    return decided
