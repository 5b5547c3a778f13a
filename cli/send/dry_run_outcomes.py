"""Expected outcome of each recipient of a file, by the consumer's rules but without a ledger or a provider."""

import hashlib
import os
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise

from core.addresses import AddressProblem, AddressRules
from core.render import RenderError, TextTooLong
from core.sms_segments import count_segments
from core.text_limits import TOO_LONG, TextLimit
from core.unsubscribe import LINK_LENGTH, VARIABLE
from ledger.message_template import MessageTemplate
from providers.prices import ProviderPrices
from schemas.requests import AnyRecipient, Recipient
from schemas.statuses import Channel, Reason, SmsEncoding

_SHOWN = 20
_BUCKETS = 16
_OUTCOMES = (None, Reason.INVALID_RECIPIENT, Reason.DUPLICATE, Reason.MISSING_VARIABLE, Reason.INVALID_CONTENT)
_SENT = _OUTCOMES.index(None)
_ENCODINGS = tuple(SmsEncoding)
_INVALID, _DUPLICATE = _OUTCOMES.index(Reason.INVALID_RECIPIENT), _OUTCOMES.index(Reason.DUPLICATE)


class DryRunEstimate:
    """Expected outcomes of all recipients. It uses 19 bytes per recipient, so a million recipients need 19 MB."""

    def __init__(
        self,
        channel: Channel,
        text: MessageTemplate,
        default_region: str | None,
        text_limit: TextLimit,
        prices: ProviderPrices | None = None,
    ) -> None:
        self._text, self._text_limit = text, text_limit
        self._rules = AddressRules(channel, default_region)
        self._key = os.urandom(16)
        self._outcomes = bytearray()
        self._hashes, self._lines = array("Q"), array("Q")
        self._details: dict[int, tuple[str, str]] = {}
        """Variable and error of the first recipients that would fail, by position."""
        self._duplicates_found = False
        self._is_sms = channel is Channel.SMS
        self._segments, self._encodings = bytearray(), bytearray()
        """Segments and encoding of each SMS, 0 if it would not be sent."""
        self._prices = prices
        self._amounts = array("q")
        """Price of each SMS in millionths, -1 if it is not known. Empty without prices."""

    def add(self, recipient: AnyRecipient, line: int) -> None:
        """Add the next recipient. `line` is its line in the file."""
        if isinstance(recipient, str):
            recipient = Recipient(to=recipient)
        to, variables = recipient.to, recipient.variables
        rules = self._rules.in_region(recipient.region)
        address, reason = rules.read(to), None
        compared, counted = to, None
        if isinstance(address, AddressProblem):
            reason = Reason.INVALID_RECIPIENT
            self._explain("", address.value)
        else:
            compared = rules.compare_form(address)
            outcome = self._render(variables)
            if isinstance(outcome, str):
                counted = count_segments(outcome) if self._is_sms else None
            else:
                reason, variable, error = outcome
                self._explain(variable, error)
        digest = hashlib.blake2b(compared.encode(), digest_size=8, key=self._key).digest()
        self._outcomes.append(_OUTCOMES.index(reason))
        self._hashes.append(int.from_bytes(digest))
        self._lines.append(line)
        self._segments.append(counted.segments if counted else 0)
        self._encodings.append(_ENCODINGS.index(counted.encoding) if counted else 0)
        if self._prices:
            per_segment = self._prices.per_segment(f"{address}") if counted else None
            self._amounts.append(-1 if counted is None or per_segment is None else counted.segments * per_segment)

    def _render(self, variables: Mapping[str, str]) -> str | tuple[Reason, str, str]:
        """Return the text. If it cannot be made of these variables: the reason, the name of one, and the error."""
        if problem := self._text.problem_for(variables):
            return problem.reason, problem.variable, ""
        if self._text.needs_link:
            variables = {VARIABLE: "-" * LINK_LENGTH, **variables}
        try:
            return self._text.render_content(variables, self._text_limit)
        except TextTooLong as error:
            return Reason.INVALID_CONTENT, error.name, TOO_LONG
        except RenderError as error:
            return Reason.INVALID_CONTENT, error.name, ""

    def _explain(self, variable: str, error: str) -> None:
        if len(self._details) < _SHOWN:
            self._details[len(self._outcomes)] = variable, error

    def _find_duplicates(self) -> None:
        """Mark second and later recipients with the same address as duplicates, even if they have other problems."""
        seen: set[int] = set()
        repeated = {digest for bucket in range(_BUCKETS) for digest in self._repeated_hashes(bucket)}
        for position, digest in enumerate(self._hashes):
            if digest in repeated and self._outcomes[position] != _INVALID:
                if digest in seen:
                    self._outcomes[position] = _DUPLICATE
                seen.add(digest)

    def _repeated_hashes(self, bucket: int) -> Iterator[int]:
        """Return the hashes of one bucket, a sixteenth, that occur twice. Sorting all would need a large list."""
        pairs = zip(self._hashes, self._outcomes, strict=True)
        ordered = sorted(digest for digest, outcome in pairs if digest % _BUCKETS == bucket and outcome != _INVALID)
        return (digest for digest, following in pairwise(ordered) if digest == following)

    def counts(self) -> Counter[Reason | None]:
        """Return the number of recipients by reason. The key None counts those that a provider would get."""
        self._ensure_duplicates_found()
        return Counter({reason: self._outcomes.count(code) for code, reason in enumerate(_OUTCOMES)})

    def segments(self) -> dict[SmsEncoding, tuple[int, int]]:
        """Return the number of SMS that a provider would get, and of their segments, by encoding."""
        self._ensure_duplicates_found()
        sums: dict[SmsEncoding, tuple[int, int]] = {}
        for outcome, code, segments in zip(self._outcomes, self._encodings, self._segments, strict=True):
            if segments and outcome == _SENT:
                messages, counted = sums.get(_ENCODINGS[code], (0, 0))
                sums[_ENCODINGS[code]] = messages + 1, counted + segments
        return sums

    def cost(self) -> tuple[int, int]:
        """Return the sum of the prices in millionths, and the number of SMS whose price is not known."""
        self._ensure_duplicates_found()
        amounts = [amount for amount, code in zip(self._amounts, self._outcomes, strict=True) if code == _SENT]
        return sum(amount for amount in amounts if amount >= 0), sum(amount < 0 for amount in amounts)

    def excluded(self) -> Iterator[tuple[int, Reason, str, str]]:
        """Yield (line, reason, variable or "", error or "") of the first recipients that would not be sent to."""
        self._ensure_duplicates_found()
        remaining = _SHOWN
        for position, code in enumerate(self._outcomes):
            reason = _OUTCOMES[code]
            if reason is not None and remaining:
                remaining -= 1
                details = ("", "") if reason is Reason.DUPLICATE else self._details.get(position, ("", ""))
                yield self._lines[position], reason, *details

    def _ensure_duplicates_found(self) -> None:
        if not self._duplicates_found:
            self._find_duplicates()
            self._duplicates_found = True
