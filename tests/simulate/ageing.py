"""Late phase of a world: old requests are deleted, while records of the intake are read again.

No delivery may be sent again, if the intake deletes its records before the ledger deletes their requests.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from tests.simulate.actors.resend_fleet import Resending
from tests.simulate.environment.faults import Fault
from tests.simulate.scenario import TOPICS

INTAKE_SECONDS, KEPT_SECONDS = 18.0, 80.0
"""Retention of records after publication, and of requests after completion.

The difference covers the longest processing of a record in these worlds. The settings allow a day for that.
"""
SPAN_SECONDS = 240.0
"""Time limit for the deletion of everything."""


class Age:
    """Late phase, from the first agreement of all observations until everything is deleted."""

    def __init__(self, world: Resending) -> None:
        self._world, books = world, world.books
        self._calls, self._known = len(books.calls), {one.event.id for one in books.published}
        self._stood = {key: document.request.header.request_id for key, document in books.store.requests.items()}
        """Accepted requests. A refused one may be accepted when its record is read again, if its topic exists."""
        self._rewinds = world.faults.aimed != ("delete", Fault.FROZEN)
        """Exclude frozen processes, whose request may be deleted meanwhile. The settings allow a day for that."""

    async def pass_by(self) -> None:
        """Run until everything is deleted."""
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
        """Return the errors as lines."""
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
