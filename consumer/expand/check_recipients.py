"""From a part's recipients to its chunks: normalise, check, mask, hash, seal; what is decided is decided here."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from consumer.context import log, where
from core.addresses import AddressRules
from core.chunk_work import Decided, Work, put_back
from core.ids import LogId, chunk_id
from core.index_ranges import chunk_bounds, to_ranges
from ledger.message_template import Text
from ledger.models import Chunk, Head, Marks, Part
from ledger.sealing import HASH_BYTES, Sealer, seal_recipients
from schemas.requests import IntakeRecipient
from schemas.statuses import Lane, Reason, Status

AnyRecipient = str | IntakeRecipient

_NO_HASH = bytes(HASH_BYTES)
"""Of a recipient that could not be checked; no address has it."""
_NO_ADDRESS = frozenset({Reason.INVALID_RECIPIENT, Reason.UNPROCESSABLE})
"""Reasons of recipients without a usable address, which are never duplicates."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The recipients of one chunk, checked; `hashes` in order."""

    first: int
    masked: list[str] = field(repr=False)
    hashes: list[bytes] = field(repr=False)
    sealed: list[tuple[str, dict[str, str]]] = field(repr=False)
    references: list[str | None] | None = field(repr=False)
    decided: dict[int, tuple[Status, Reason]]
    resend_of: list[LogId | None] | None = None
    """The logs of what they repeat; None where none repeats any."""


class PartChecker:
    """Checks the recipients of one part, in order; remembers the addresses that it has seen.

    With `sparing` a recipient that meets a fault of ours fails alone; otherwise the fault is raised.
    """

    def __init__(self, head: Head, text: Text, sealer: Sealer, default_region: str | None, *, sparing: bool) -> None:
        self._key_id, self._sealer, self._text, self._sparing = head.key_id, sealer, text, sparing
        self._seen: set[bytes] = set()
        self._rules = AddressRules(head.channel, default_region)

    def check(self, first: int, recipients: Sequence[AnyRecipient]) -> Checked:
        """Check the recipients of a chunk that begins at index `first`."""
        checked = Checked(first, [], [], [], None, {})
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
                if not self._sparing:
                    raise
                log.error("recipient given up", index=index, error=type(error).__name__, where=where(error))
                address, value, masked, found = None, _NO_HASH, "***", (Status.FAILED, Reason.UNPROCESSABLE)
            checked.masked.append(masked)
            checked.hashes.append(value)
            checked.sealed.append((address or to, variables))
            references.append(reference)
            resend_of.append(repeated)
            if found:
                checked.decided[index] = found
        any_reference = any(reference is not None for reference in references)
        return Checked(
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


def bounds_of(part: Part) -> Iterator[tuple[int, int]]:
    """The chunks of a part, as its first expansion cut it."""
    return chunk_bounds(part.size, part.chunk_size)


def hashes_to_look_up(checked: Checked) -> list[bytes]:
    """Return the hashes that may be found in a lower part, without those of recipients that could not be checked."""
    return [value for value in checked.hashes if value != _NO_HASH]


def suppress_known(checked: Checked, known: Collection[bytes]) -> None:
    """Decide as duplicates what stands in a lower part."""
    for index, value in enumerate(checked.hashes, checked.first):
        if value in known and checked.decided.get(index, (None, None))[1] not in _NO_ADDRESS:
            checked.decided[index] = Status.SUPPRESSED, Reason.DUPLICATE


def expire_all(checked: Checked) -> None:
    """Decide all of a part that comes too late."""
    for index in range(checked.first, checked.first + len(checked.hashes)):
        checked.decided[index] = Status.EXPIRED, Reason.EXPIRED


def make_chunk(  # noqa: PLR0913  # a chunk is made of all of them
    checked: Checked,
    head: Head,
    part: Part,
    sealer: Sealer,
    *,
    window_size: int,
    lane: Lane,
    marks: Marks,
) -> Chunk:
    """The chunk as it is written: sealed, what is decided beside what is to do, its first window chosen."""
    size, first = len(checked.hashes), checked.first
    identity = chunk_id(head.key, part.number, first)
    decided = tuple(Decided(index, status, reason) for index, (status, reason) in checked.decided.items())
    todo = to_ranges(index for index in range(first, first + size) if index not in checked.decided)
    work, _ = put_back(Work(todo=todo, decided=decided), window_size)
    return Chunk(
        id=identity,
        key=head.key,
        part=part.number,
        first=first,
        size=size,
        channel=head.channel,
        lane=lane,
        masked=tuple(checked.masked),
        hashes=b"".join(checked.hashes),
        references=tuple(checked.references) if checked.references else None,
        sealed=seal_recipients(sealer, identity, checked.sealed),
        work=work,
        due_at=head.send_at,
        cancelled=marks.cancelled,
        pauses=marks.pauses,
        expires_at=head.expires_at,
        searchable=part.number > 0 or not part.last,
        resend_of=tuple(checked.resend_of) if checked.resend_of else None,
    )
