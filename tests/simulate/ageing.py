"""What comes long after: requests past their time are deleted, while records of the intake are read again.

Nothing of it may be sent again, as long as the intake forgets its records before the ledger forgets their requests.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from tests.simulate.actors.resend_fleet import Resending
from tests.simulate.environment.faults import Fault
from tests.simulate.scenario import TOPICS

INTAKE_SECONDS, KEPT_SECONDS = 18.0, 80.0
"""How long records are kept after they were published, and requests after they were completed. In between lies the
longest that a record stays in hand here; the settings leave a day for that."""
SPAN_SECONDS = 240.0
"""By then everything must be deleted."""


class Age:
    """Begins when all books agree, and ends when nothing is left."""

    def __init__(self, world: Resending) -> None:
        self._world, books = world, world.books
        self._calls, self._known = len(books.calls), {one.event.id for one in books.published}
        self._stood = {key: document.request.header.request_id for key, document in books.store.requests.items()}
        """Others were refused; what they wait for, a reply topic, may be there when they are read again."""
        self._rewinds = world.faults.aimed != ("delete", Fault.FROZEN)
        """Who freezes with a record in hand may find its request deleted: a day is longer than that."""

    async def pass_by(self) -> None:
        """Until everything is deleted."""
        world = self._world
        world.limits = replace(world.limits, request_retention=timedelta(seconds=KEPT_SECONDS))
        world.ages = True
        world.kafka.keep_for(INTAKE_SECONDS, world.now_ms, TOPICS.intake)
        world.faults.begin_again((Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.ANSWER_LOST, Fault.UNAVAILABLE))
        world.restart_all()
        end = world.loop.time() + SPAN_SECONDS
        while world.books.store.requests and world.loop.time() < end:
            await asyncio.sleep(world.rng.uniform(0.2, 3))
            if self._rewinds:
                world.kafka.rewind()
            if not world.living():
                world.boot()

    def findings(self) -> Iterator[str]:
        """What is wrong afterwards."""
        books, store = self._world.books, self._world.books.store
        for call in books.calls[self._calls :]:
            if books.place(call.delivery)[0] in self._stood:
                yield f"{books.brief(call.delivery)} was sent again long after"
        for published in books.published:
            if published.event.id not in self._known and published.key in self._stood.values():
                yield f"{books.brief(published.event.id)} was said for the first time long after"
        left = {"requests": store.requests, "chunks": store.chunks, "logs": store.logs}
        for what, documents in left.items():
            if documents:
                yield f"{len(documents)} {what} are left: {', '.join(map(books.brief, list(documents)[:3]))}"
