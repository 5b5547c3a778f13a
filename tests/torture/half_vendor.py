"""A server of Amazon SES that answers for half of each batch, or cuts, or refuses a batch because of one mail."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from schemas.statuses import OnUncertain
from tests.contract.providers.servers import Act
from tests.contract.providers.vendors.server import Answer
from tests.contract.providers.vendors.ses import SesServer, exception
from tests.torture.traffic import Order

CUT_EVERY = 3
"""Every third batch ends without an answer, after half of it was taken."""
REFUSED_EVERY = 40
"""Of the addresses of an order, the first and every fortieth are refused, and with them each batch that has one."""


class HalfServer(SesServer):
    """Server that takes half of each batch while `misbehaves` is set. It keeps what it answered for each mail."""

    def __init__(self) -> None:
        super().__init__()
        self.bad: set[str] = set()
        """Addresses that are refused."""
        self._batches = 0
        self.misbehaves = True
        self.asked: set[str] = set()
        """Addresses of all calls."""
        self.counts: Counter[str] = Counter()
        """How often each fault was met."""
        self.unanswered: Counter[str] = Counter()
        """How often each delivery was in a call that did not answer for it."""

    def refuse_some(self, orders: Iterable[Order]) -> None:
        """Refuse some addresses of these orders from now on.

        None is of an order that asks for `resend`, because a mail that was in doubt and then refused stays `unknown`.
        """
        for order in orders:
            addresses = [address for part in order.parts for address in part]
            if order.on_uncertain is OnUncertain.MARK_UNKNOWN:
                self.bad.update(addresses[::REFUSED_EVERY])
            else:
                self.bad.difference_update(addresses)

    def act_of(self, addresses: Sequence[str]) -> Act:
        """Note the addresses, and return TAKE. Nothing depends on what an address begins with."""
        self.asked.update(addresses)
        return Act.TAKE

    def refused(self, addresses: Sequence[str]) -> list[int]:
        """Return the places of the addresses that are refused."""
        return [place for place, address in enumerate(addresses) if address in self.bad]

    def take_several(self, body: dict[str, Any], size: int) -> Answer:
        """Refuse the batch, or take half of it and answer for that half, or take half and cut."""
        entries = body["BulkEmailEntries"]
        if self.refused([entry["Destination"]["ToAddresses"][0] for entry in entries]):
            self.counts["refused"] += 1
            return exception(400, "BadRequestException")
        taken = entries[: (len(entries) + 1) // 2] if self.misbehaves else entries
        answer = super().take_several({**body, "BulkEmailEntries": taken}, size)
        self._batches += 1
        if self.misbehaves and self._batches % CUT_EVERY == 0:
            self.counts["cut"] += 1
            self.unanswered.update(map(_delivery_id, entries))
            raise ConnectionAbortedError
        self.counts["half"] += len(taken) < len(entries)
        answer.body["BulkEmailEntryResults"] += [{}] * (len(entries) - len(taken))  # nothing is said about these
        self.unanswered.update(map(_delivery_id, entries[len(taken) :]))
        return answer


def _delivery_id(entry: dict[str, Any]) -> str:
    return next(tag["Value"] for tag in entry["ReplacementTags"] if tag["Name"] == "delivery_id")
