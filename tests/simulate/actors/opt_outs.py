"""People that opt out while requests are sent. A window that opens after the acknowledgement sends them nothing."""

import asyncio
import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from core.ids import log_id
from core.index_ranges import indices
from core.send_result import Message
from ledger.memory.store import ChunkDocument
from ledger.suppressing import SuppressedAddress, add_suppressions, known_suppression_key, suppressed_address
from schemas.statuses import Reason, SuppressionReason
from schemas.suppressions import SuppressionAddition
from tests.simulate.loop import WORLD
from tests.simulate.scenario import TENANT
from tests.simulate.seeds import REGRESSIONS

if TYPE_CHECKING:
    from tests.simulate.world import World

SHARE = 0.2
"""Share of the worlds in which people opt out."""


class Opened(NamedTuple):
    """Window as it is told from another one of the same delivery: its owner, and its deliveries."""

    owner: str | None
    ranges: object


class OptOuts:
    """Opt-outs of a world. Numbers of its own decide them. The seeds that found a bug stay what they were."""

    def __init__(self, world: "World") -> None:
        self._world, self._rng = world, random.Random(f"opt-outs of {world.seed}")
        self.exist = self._rng.random() < SHARE and world.seed not in REGRESSIONS
        self._asked: set[str] = set()
        self._acknowledged: dict[str, dict[str, Opened]] = {}
        """Windows that were open at the acknowledgement, by delivery, for each address."""

    def start(self) -> None:
        """Let some people opt out at any time, in a world in which people do."""
        if not self.exist:
            return
        self._world.books.on_call = self._called
        for _ in range(self._rng.randint(1, 6)):
            self._world.loop.start(WORLD, self._opt_out(self._rng.uniform(0, 14)))

    async def _opt_out(self, at: float) -> None:
        await asyncio.sleep(at)
        world = self._world
        ask = self._rng.choice(world.scenario.asks)
        people = [person.to for _, _, person in ask.people() if person.decided is None]
        if not people:
            return
        body = SuppressionAddition(
            channel=ask.channel, recipient=self._rng.choice(people), reason=SuppressionReason.OPTED_OUT
        )
        leaving: SuppressedAddress = suppressed_address(body, "CN", "api", world.server_time())
        self._asked.add(leaving.address)
        key = await known_suppression_key(world.ledger, TENANT, world.sealer_of_entries, asyncio.sleep)
        await add_suppressions(world.ledger, key, [leaving])
        world.note(f"{leaving.address} has opted out")
        if leaving.address not in self._acknowledged:
            self._acknowledged[leaving.address] = dict(self._open_windows())

    def _open_windows(self) -> Iterator[tuple[str, Opened]]:
        for document in self._world.books.store.open_chunks():
            if opened := _window_of(document):
                chunk = document.chunk
                for index in indices(document.window.batch.ranges) if document.window else ():
                    yield log_id(chunk.key, chunk.part, index), opened

    def _called(self, message: Message, document: ChunkDocument) -> None:
        """Check at the start of a call that its window was open at the acknowledgement, if there was one (I10)."""
        before = self._acknowledged.get(message.to)
        if before is not None and before.get(message.id) != _window_of(document):
            self._world.fail(f"I10: {self._world.books.brief(message.id)} is sent to an address that opted out before")

    def findings(self) -> Iterator[str]:
        """Return the errors after the end."""
        addresses = {delivery: to for side in self._world.all_sides for delivery, (to, _) in side.texts.items()}
        for log in self._world.books.store.logs.values():
            if log.outcome_reason is Reason.OPTED_OUT:
                if not self._asked:
                    yield f"{self._world.books.brief(log.id)} is said to have opted out, and nobody did"
                elif log.id in addresses:
                    yield f"I4: {self._world.books.brief(log.id)} opted out, and a provider took it"


def _window_of(document: ChunkDocument) -> Opened | None:
    return Opened(document.owner, document.window.batch.ranges) if document.window else None
