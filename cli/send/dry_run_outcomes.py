"""What would become of each recipient of a file, judged as a consumer would, without asking anybody."""

import hashlib
import os
from array import array
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from core.addresses import AddressRules
from ledger.message_template import MessageTemplate
from schemas.requests import AnyRecipient
from schemas.statuses import Channel, Reason

_SHOWN = 20
_BUCKETS = 16
_VERDICTS = (None, Reason.INVALID_RECIPIENT, Reason.DUPLICATE, Reason.MISSING_VARIABLE, Reason.INVALID_CONTENT)
_INVALID, _DUPLICATE = _VERDICTS.index(Reason.INVALID_RECIPIENT), _VERDICTS.index(Reason.DUPLICATE)


class DryRunEstimate:
    """What would become of each recipient: 17 bytes a recipient, so that a million of them fit anywhere."""

    def __init__(self, channel: Channel, text: MessageTemplate, default_region: str | None) -> None:
        self._text = text
        self._rules = AddressRules(channel, default_region)
        self._key = os.urandom(16)
        self._verdicts = bytearray()
        self._hashes, self._lines = array("Q"), array("Q")
        self._names: dict[int, str] = {}
        self._judged = False

    def add(self, recipient: AnyRecipient, line: int) -> None:
        """Take in one recipient, in order; `line` is where it stands in the file."""
        to, variables = (recipient, {}) if isinstance(recipient, str) else (recipient.to, recipient.variables)
        address = self._rules.normalise(to)
        found = Reason.INVALID_RECIPIENT if address is None else None
        if address is not None and (problem := self._text.problem_for(variables)):
            found = problem.reason
            if len(self._names) < _SHOWN:
                self._names[len(self._verdicts)] = problem.variable
        digest = hashlib.blake2b((address or to).encode(), digest_size=8, key=self._key).digest()
        self._verdicts.append(_VERDICTS.index(found))
        self._hashes.append(int.from_bytes(digest))
        self._lines.append(line)

    def _find_duplicates(self) -> None:
        """The second and later ones of an address are duplicates, whatever else is the matter with them."""
        seen: set[int] = set()
        repeated = {one for bucket in range(_BUCKETS) for one in self._repeated(bucket)}
        for at, value in enumerate(self._hashes):
            if value in repeated and self._verdicts[at] != _INVALID:
                if value in seen:
                    self._verdicts[at] = _DUPLICATE
                seen.add(value)

    def _repeated(self, bucket: int) -> Iterator[int]:
        """The hashes that stand twice; a sixteenth of all is sorted at a time, since a list of numbers is large."""
        pairs = zip(self._hashes, self._verdicts, strict=True)
        ordered = sorted(one for one, verdict in pairs if one % _BUCKETS == bucket and verdict != _INVALID)
        return (one for one, other in pairwise(ordered) if one == other)

    def counts(self) -> Counter[Reason | None]:
        """How many would end for which reason; None: handed to a provider."""
        self._judge()
        return Counter({reason: self._verdicts.count(code) for code, reason in enumerate(_VERDICTS)})

    def excluded(self) -> Iterator[tuple[int, Reason, str]]:
        """(line, reason, variable or nothing) of the first who would not be sent to."""
        self._judge()
        left = _SHOWN
        for at, code in enumerate(self._verdicts):
            reason = _VERDICTS[code]
            if reason is not None and left:
                left -= 1
                yield self._lines[at], reason, "" if reason is Reason.DUPLICATE else self._names.get(at, "")

    def _judge(self) -> None:
        if not self._judged:
            self._find_duplicates()
            self._judged = True
