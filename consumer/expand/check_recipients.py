"""Checks of the recipients of a part: normalise, hash and mask each address, and find its problem."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from config.turn_budget import LIGHT
from consumer.context import ConsumerContext
from consumer.logger import error_location, logger
from core.addresses import AddressProblem, AddressRules
from core.addresses.control_characters import MAX_ADDRESS
from core.ids import LogId
from ledger.chunk_recipients import ChunkRecipient
from ledger.message_template import MessageTemplate
from ledger.models import RequestHeader
from ledger.sealing import HASH_BYTES
from schemas.requests import RecipientFields
from schemas.statuses import Reason, Status

ParsedRecipient = str | RecipientFields


class Decision(NamedTuple):
    """Outcome of a recipient that gets no message."""

    status: Status
    reason: Reason
    error: str | None = None


Decisions = Mapping[int, Decision]
"""Decisions by the recipient's index in the part."""

CHECKED_AT_ONCE = 20
"""Number of recipients that are checked without a look at the clock. The slowest addresses take 0.5 ms each."""
RECIPIENT_WEIGHT = LIGHT // CHECKED_AT_ONCE
"""Weight of the check of a recipient."""
UNKNOWN_HASH = bytes(HASH_BYTES)
"""Hash of a recipient that could not be checked. No address has this hash."""


@dataclass(frozen=True, slots=True)
class CheckedRecipients:
    """The checked recipients of one chunk, in order."""

    first: int
    """Index of the first recipient in the part."""
    masked: tuple[str, ...] = field(repr=False)
    hashes: tuple[bytes, ...] = field(repr=False)
    plain: tuple[ChunkRecipient, ...] = field(repr=False)
    """Addresses, variables and time zones, to be sealed with the chunk."""
    references: tuple[str | None, ...] | None = field(repr=False)
    """References of the caller, or None if no recipient has one."""
    decided: Decisions
    """Decisions that follow from the recipients of this part alone."""
    resend_of: tuple[LogId | None, ...] | None = None
    """Logs of the deliveries to repeat, or None if no recipient repeats a delivery."""


class _CheckedRecipient(NamedTuple):
    masked: str
    hash: bytes
    plain: ChunkRecipient
    reference: str | None
    resend_of: LogId | None
    decision: Decision | None


class RecipientChecker:
    """Checker of the recipients of one part, in order. It remembers the addresses that it has seen.

    With `isolate_failures` a recipient that causes an internal error fails alone. Otherwise the error is raised.
    """

    def __init__(
        self,
        header: RequestHeader,
        template: MessageTemplate,
        default_region: str | None,
        context: ConsumerContext,
        *,
        isolate_failures: bool,
    ) -> None:
        self._key_id, self._sealer, self._template = header.key_id, context.sealer, template
        self._isolate_failures, self._budget = isolate_failures, context.turn_budget
        self._seen: set[bytes] = set()
        self._rules = AddressRules(header.channel, default_region)

    async def check_chunk(self, first: int, recipients: Sequence[ParsedRecipient]) -> CheckedRecipients:
        """Check the recipients of the chunk that begins at index `first`. The event loop turns meanwhile."""
        rows: list[_CheckedRecipient] = []
        for begin in range(0, len(recipients), CHECKED_AT_ONCE):
            few = recipients[begin : begin + CHECKED_AT_ONCE]
            await self._budget.wait(RECIPIENT_WEIGHT * len(few))
            rows += [self._check(index, recipient) for index, recipient in enumerate(few, first + begin)]
        masked, hashes, plain, references, resend_of, decisions = zip(*rows, strict=True)
        return CheckedRecipients(
            first,
            masked=masked,
            hashes=hashes,
            plain=plain,
            references=references if any(reference is not None for reference in references) else None,
            decided=MappingProxyType({index: made for index, made in enumerate(decisions, first) if made}),
            resend_of=resend_of if any(resend_of) else None,
        )

    def _check(self, index: int, recipient: ParsedRecipient) -> _CheckedRecipient:
        to, variables, reference, region, resend_of, timezone = _fields_of(recipient)
        address: str | None
        decision: Decision | None
        try:
            rules = self._rules.in_region(region)
            read = rules.read(to)
            if isinstance(read, AddressProblem):
                address, value = None, self._hash(to)
                decision = Decision(Status.FAILED, Reason.INVALID_RECIPIENT, read.value)
            else:
                address, value = read, self._hash(rules.compare_form(read))
                decision = self._decide(value, variables)
            masked = rules.mask(to, address)
        except Exception as error:
            if not self._isolate_failures:
                raise
            logger.error(
                "recipient check failed", index=index, error=type(error).__name__, location=error_location(error)
            )
            address, value, masked, decision = None, UNKNOWN_HASH, "***", Decision(Status.FAILED, Reason.UNPROCESSABLE)
            if region is not None:
                to = f"{region}: {to}"[:MAX_ADDRESS]  # a resend has no region for it, and must not read another number
        plain, repeated = ChunkRecipient(address or to, variables, timezone), LogId(resend_of) if resend_of else None
        return _CheckedRecipient(masked, value, plain, reference, repeated, decision)

    def _hash(self, text: str) -> bytes:
        return self._sealer.hash(text.encode(), self._key_id)

    def _decide(self, value: bytes, variables: dict[str, str]) -> Decision | None:
        if value in self._seen:
            return Decision(Status.SUPPRESSED, Reason.DUPLICATE)
        self._seen.add(value)
        problem = self._template.problem_for(variables)
        return Decision(Status.FAILED, problem.reason) if problem else None


def _fields_of(recipient: ParsedRecipient) -> RecipientFields:
    return RecipientFields(recipient, {}, None, None, None, None) if isinstance(recipient, str) else recipient
