"""From a part's recipients to its chunks: normalise, check, mask, hash, seal; what is decided is decided here."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from consumer.logger import error_location, logger
from core.addresses import AddressRules
from core.ids import LogId
from ledger.message_template import MessageTemplate
from ledger.models import RequestHeader
from ledger.sealing import HASH_BYTES, Sealer
from schemas.requests import IntakeRecipient
from schemas.statuses import Reason, Status

AnyRecipient = str | IntakeRecipient

_UNKNOWN_HASH = bytes(HASH_BYTES)
"""Of a recipient that could not be checked; no address has it."""
_NO_ADDRESS = frozenset({Reason.INVALID_RECIPIENT, Reason.UNPROCESSABLE})
"""Reasons of recipients without a usable address, which are never duplicates."""


@dataclass(frozen=True, slots=True)
class CheckedRecipients:
    """The recipients of one chunk, checked; `hashes` in order."""

    first: int
    masked: list[str] = field(repr=False)
    hashes: list[bytes] = field(repr=False)
    sealed: list[tuple[str, dict[str, str]]] = field(repr=False)
    references: list[str | None] | None = field(repr=False)
    decided: dict[int, tuple[Status, Reason]]
    resend_of: list[LogId | None] | None = None
    """The logs of what they repeat; None where none repeats any."""


class RecipientChecker:
    """Checks the recipients of one part, in order; remembers the addresses that it has seen.

    With `isolate_failures` a recipient that meets a fault of ours fails alone; otherwise the fault is raised.
    """

    def __init__(
        self,
        header: RequestHeader,
        text: MessageTemplate,
        sealer: Sealer,
        default_region: str | None,
        *,
        isolate_failures: bool,
    ) -> None:
        self._key_id, self._sealer, self._text, self._isolate_failures = header.key_id, sealer, text, isolate_failures
        self._seen: set[bytes] = set()
        self._rules = AddressRules(header.channel, default_region)

    def check_chunk(self, first: int, recipients: Sequence[AnyRecipient]) -> CheckedRecipients:
        """Check the recipients of a chunk that begins at index `first`."""
        checked = CheckedRecipients(first, [], [], [], None, {})
        references: list[str | None] = []
        resend_of: list[LogId | None] = []
        for index, recipient in enumerate(recipients, first):
            to, variables, reference, repeated = _parts_of(recipient)
            try:
                address = self._rules.normalise(to)
                value = self._sealer.hash((address or to).encode(), self._key_id)
                masked = self._rules.mask(to, address)
                found = self._decide(address, value, variables)
            except Exception as error:
                if not self._isolate_failures:
                    raise
                logger.error("recipient given up", index=index, error=type(error).__name__, where=error_location(error))
                address, value, masked, found = None, _UNKNOWN_HASH, "***", (Status.FAILED, Reason.UNPROCESSABLE)
            checked.masked.append(masked)
            checked.hashes.append(value)
            checked.sealed.append((address or to, variables))
            references.append(reference)
            resend_of.append(repeated)
            if found:
                checked.decided[index] = found
        any_reference = any(reference is not None for reference in references)
        return CheckedRecipients(
            first,
            checked.masked,
            checked.hashes,
            checked.sealed,
            references if any_reference else None,
            checked.decided,
            resend_of if any(resend_of) else None,
        )

    def _decide(self, address: str | None, value: bytes, variables: dict[str, str]) -> tuple[Status, Reason] | None:
        if address is None:
            return Status.FAILED, Reason.INVALID_RECIPIENT
        if value in self._seen:
            return Status.SUPPRESSED, Reason.DUPLICATE
        self._seen.add(value)
        problem = self._text.problem_for(variables)
        return (Status.FAILED, problem.reason) if problem else None


def _parts_of(recipient: AnyRecipient) -> tuple[str, dict[str, str], str | None, LogId | None]:
    if isinstance(recipient, str):
        return recipient, {}, None, None
    repeated = LogId(recipient.resend_of) if recipient.resend_of else None
    return recipient.to, recipient.variables, recipient.reference, repeated


def hashes_to_look_up(checked: CheckedRecipients) -> list[bytes]:
    """Return the hashes that may be found in a lower part, without those of recipients that could not be checked."""
    return [value for value in checked.hashes if value != _UNKNOWN_HASH]
