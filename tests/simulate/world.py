"""Simulated world: its requests, its faults, and its end."""

import asyncio
import random
from functools import partial
from typing import Any

from core.ids import template_id
from ledger.stored_template import StoredTemplate
from providers.prices import PriceList, Prices
from tests.simulate.actors.caller import Caller
from tests.simulate.actors.opt_outs import OptOuts
from tests.simulate.actors.resend_fleet import Resending
from tests.simulate.actors.resend_plan import RESEND_STEPS, draw_errands
from tests.simulate.actors.vendors import Vendors
from tests.simulate.ageing import Age
from tests.simulate.checks.receipt_checker import ReceiptBooks
from tests.simulate.environment.disruptions import Disruptions
from tests.simulate.environment.faults import Coverage
from tests.simulate.environment.provider import HEALED
from tests.simulate.loop import WORLD
from tests.simulate.scenario import (
    CURRENCY,
    PART_TIMEOUT_SECONDS,
    PRICES,
    TEMPLATE,
    TENANT,
    TOPICS,
    Ask,
    Publication,
    Scenario,
    moment,
)

PATIENCE_SECONDS = 400.0
"""Maximum time from the last fault until everything is finished, in seconds."""
QUIET_SECONDS = 3
"""Time at the end in which no work may be left, in seconds."""
MOST_TURNS = 400_000
LONGEST_TRANSACTION_SECONDS = 1.5 * PART_TIMEOUT_SECONDS
"""Maximum time of a transaction in seconds. A part may be missing for longer than its time-out because of it."""


class World(Resending):
    """World of one seed. `trace` is None, or receives a line for each step."""

    def __init__(self, seed: int, coverage: Coverage, trace: list[str] | None = None) -> None:
        super().__init__(seed, coverage, trace)
        self.scenario = Scenario(self.rng, self.faults.aimed[0], random.Random(f"budgets of {seed}"))
        if any(ask.budget is not None for ask in self.scenario.asks):
            sms = {
                name: Prices(currency=CURRENCY, by_prefix={"": str(price)}) for name, price in PRICES.items() if price
            }
            self.prices = PriceList(sms)
        self.draw_sides()
        self.weather = Disruptions(self)
        self.wakes = self.rng.choice(((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.2, 0.2, 0.3), (0.6, 0.1, 0.5)))
        self.draw_limits()
        self.draw_shared_limits()
        self.draw_own_entries()
        if self.has_receipts:
            self.receipt_books = ReceiptBooks(self, Vendors(self, self.loop.time))
        self.opt_outs = OptOuts(self)
        self._callers: list[tuple[Ask, Caller]] = []
        self._grows_old = self.faults.aimed[0] == "delete" or self.rng.random() < 0.05
        self.errands = draw_errands(self.rng, self.scenario.asks, self.faults.aimed[0])
        # Numbers of its own, so that the worlds without transactions stay what they were.
        self._transactions = random.Random(f"transactions of {seed}")
        self._in_transactions = self._transactions.random() < 0.25
        self.room = self.rng.choice((1_000_000, 300))
        """Size of the recipients in a part of a resend, in bytes."""

    def run(self) -> list[str]:
        """Run until no work is left. Return the violations as lines."""
        self.loop.run(self._main())
        return self.failures

    def age(self) -> list[str]:
        """Continue some worlds until everything is deleted. Return the violations as lines."""
        if not self._grows_old:
            return []
        age = Age(self)
        self.loop.run(age.pass_by())
        return self.failures or list(age.findings())

    def bury(self) -> None:
        """Close the world without any further effect."""
        self.loop.bury()

    async def _main(self) -> None:
        rng, loop = self.rng, self.loop
        self._put_templates()
        for _ in range(rng.choice((1, 2, 2, 2, 3, 4))):
            self.boot()
        loop.start(WORLD, self._publish_all())
        if self.own_entries:
            self.own_entries.start()
        self.opt_outs.start()
        if self.rotates_at is not None:
            self.later(self.rotates_at, self.rotate)
        for ask in self.scenario.asks:
            if ask.orders:
                caller = Caller(self, ask)
                self._callers.append((ask, caller))
                loop.start(caller, caller.give_orders())
        for errand in self.errands:
            self.send_operator(errand)
        rough = loop.start(WORLD, self.weather.blow())
        receipts = self._receive_at_once() or rough
        until, early = rng.uniform(10, 35), rng.random() < 0.7
        if self._grows_old:  # before its records are deleted
            until, early = rng.uniform(4, 10), True
        if self.faults.aimed[0] in {"close_intake", "write_off_lost_parts", "lag"}:
            until += PART_TIMEOUT_SECONDS
        if self.faults.aimed[0] in RESEND_STEPS:
            until += 30
        await self._until(until, early=early)
        rough.cancel()
        receipts.cancel()
        self.heal()
        await self._settle()

    def _receive_at_once(self) -> asyncio.Task[Any] | None:
        """Let receipts take effect without a consumer, in some worlds whose vendors report nothing."""
        drawn = self.errands and self.rng.random() < 0.5
        return self.loop.start(WORLD, self.receive()) if drawn and not self.has_receipts else None

    async def _until(self, until: float, *, early: bool) -> None:
        """Wait until this time, or until no work is left."""
        while self.loop.time() < until and not (early and self._unsettled() is None):  # noqa: ASYNC110  # virtual time
            await asyncio.sleep(1.0)

    def heal(self) -> None:
        """End all faults."""
        self.faults.enabled = False
        self.down_until = {"ledger": 0.0, "bus": 0.0}
        self.wakes = (0.0, 0.0, 0.0)
        for side in self.all_sides:
            side.mood = HEALED
        for process in self.processes:
            if process.frozen:
                self.thaw(process)
        if not any(self.lives(process) for process in self.processes):
            self.boot()
        if self.rotated:
            self.restart_all()
        self.kafka.rebalance()  # a record whose commit failed is read again
        for ask, caller in self._callers:
            if ask.ordered("pause"):
                rescuer = Caller(self, ask)
                self.loop.start(rescuer, rescuer.resume_after(caller))

    async def _settle(self) -> None:
        deadline, quiet = self.loop.time() + PATIENCE_SECONDS, 0
        while quiet < QUIET_SECONDS:  # a write of a process that died may arrive late
            why = self._unsettled()
            if why and self.loop.time() > deadline:
                self.fail(f"liveness: {why}")
                return
            if why and self.loop.turns > MOST_TURNS:
                self.fail(f"liveness: so many steps, and still {why}")
                return
            quiet = 0 if why else quiet + 1
            await asyncio.sleep(1.0)
        if self.loop.broken:
            self.fail(self.loop.broken[0])

    def _unsettled(self) -> str | None:
        """Return what is not finished yet."""
        if self.loop.time() < max((one.at for one in self.scenario.publications), default=0.0) + 1:
            return "not everything is published"
        for topic in (TOPICS.requests, TOPICS.requests_express, *[TOPICS.receipts] * self.has_receipts):
            for partition in self.kafka.topics[topic]:
                if partition.lag:
                    return f"{partition.topic}/{partition.number} has a lag of {partition.lag}"
        for document in self.books.store.requests.values():
            if not document.request.completion_published:
                return f"{document.request.header.request_id} is not completed and announced"
        if at_work := next((one for one in self.operators if one.at_work), None):
            return f"{at_work.name} is at work"
        if self.receipt_books and (why := self.receipt_books.unsettled()):
            return why
        return next((f"{self.books.brief(d.chunk.id)} is open" for d in self.books.store.open_chunks()), None)

    async def _publish_all(self) -> None:
        for publication in self.scenario.publications:
            await asyncio.sleep(publication.at - self.loop.time())
            self._publish(publication)

    def _publish(self, publication: Publication) -> None:
        key = (publication.request_id or "poison").encode()
        if publication.is_right and publication.request_id:
            self.published_parts.add((publication.request_id, publication.part))
        record = self.kafka.append(publication.topic, publication.partition, self.now_ms(), key, publication.value)
        if self._in_transactions and self._transactions.random() < 0.4 and self.kafka.begin_transaction(record):
            seconds, abort = (
                self._transactions.uniform(0, LONGEST_TRANSACTION_SECONDS),
                self._transactions.random() < 0.5,
            )
            self.later(seconds, partial(self.kafka.end_transaction, record, abort=abort))
        self.note(f"publish {publication.request_id} part {publication.part} right {publication.is_right}")

    def _put_templates(self) -> None:
        name = template_id(TENANT, TEMPLATE)
        stored = StoredTemplate(name, TENANT, TEMPLATE, 1, "dear all", None, moment(-9))
        self.books.store.templates[name] = [stored]
