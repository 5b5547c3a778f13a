"""Operator that resends unknown or failed deliveries with the code of `rollcall resend`. It may die at any step."""

import asyncio
import contextlib
import random
import zlib
from array import array
from collections.abc import AsyncIterator, Generator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol
from unittest.mock import patch

from consumer.kafka.bus import BusUnavailable
from core.ids import encode_position, position, resend_request_id
from core.request_parts import EncodedPart, PartEncoder, choose_lane, intake_topic
from ledger.errors import LedgerUnavailable, SealingError
from ledger.memory import MemoryLedger
from ledger.models import StoredRequest
from ledger.resend_selection import ResendError, ResendSelection, resend_parts, select_deliveries
from ledger.sealing import Sealer
from tests.simulate.actors.resend_plan import Errand
from tests.simulate.environment.gate import Gate, Hindrance, ports
from tests.simulate.loop import Actor
from tests.simulate.scenario import TOPICS, moment

TRIES = 12
LATER = moment(3600)
"""Expiry of a resend whose request has expired, in seconds."""


class Ground(Hindrance, Protocol):
    """Part of the world that an operator needs."""

    rng: random.Random
    ledger: MemoryLedger
    chunk_size: int

    def server_time(self) -> datetime: ...
    def sealer_of_now(self) -> Sealer: ...
    def is_over(self, errand: Errand) -> bool: ...
    def publish_again(self, errand: Errand, topic: str, partition: int, part: EncodedPart) -> None: ...


class _Ledger:
    def __init__(self, world: Ground, gate: Gate) -> None:
        vars(self).update(ports(world.ledger, gate))
        self.now = world.ledger.now


class Operator(Actor):
    """Operator that repeats one resend until it is complete."""

    def __init__(self, world: Ground, number: int, errand: Errand) -> None:
        super().__init__(f"o{number}")
        self._world, self.errand = world, errand
        self._gate = Gate(world, self)
        self._ledger: Any = _Ledger(world, self._gate)
        self._done = False

    @property
    def at_work(self) -> bool:
        """Return whether the operator may still publish records."""
        return not (self._done or self.dead) and self._world.is_over(self.errand)

    async def run(self) -> None:
        """Wait until the request is complete, and resend it."""
        while not self._world.is_over(self.errand):  # noqa: ASYNC110  # virtual time
            await asyncio.sleep(0.7)
        await asyncio.sleep(self.errand.delay)
        for _ in range(TRIES):
            try:
                await self._send_again()
            except (LedgerUnavailable, BusUnavailable, SealingError):
                await asyncio.sleep(0.5 + self._world.rng.random())
            except ResendError:
                break
            else:
                break
        self._done = True

    async def _send_again(self) -> None:
        errand, ledger = self.errand, self._ledger
        old = await ledger.requests.get(errand.ask.key)
        if old is None:
            return
        chosen = await select_deliveries(ledger, old, errand.status, errand.request_id)
        if errand.careless:
            chosen = await self._all_of(old, chosen)
        if not chosen.places or chosen.already_expanded:
            return
        topic = ""
        async for part in self._parts(chosen):
            topic = topic or intake_topic(TOPICS, choose_lane(part, self._world.chunk_size))
            await self._publish(topic, part)

    async def _all_of(self, old: StoredRequest, chosen: ResendSelection) -> ResendSelection:
        logs = [position(log.id) async for log in self._ledger.logs.iterate_request(old.header.key)]
        places = array("Q", [encode_position(part, index) for _, part, index in filter(None, logs)])
        name = self.errand.request_id or resend_request_id(old.header.key, places)
        return replace(chosen, places=places, request_id=name, already_expanded=False)

    def _parts(self, chosen: ResendSelection) -> AsyncIterator[EncodedPart]:
        now, expires_at = self._world.server_time(), chosen.old.header.expires_at
        if expires_at is not None and expires_at <= now + timedelta(seconds=1):
            expires_at = LATER
        sealer = self._world.sealer_of_now()
        return resend_parts(self._ledger, sealer, chosen, accepted_at=now, expires_at=expires_at)

    async def _publish(self, topic: str, part: EncodedPart) -> None:
        async def effect() -> None:
            self._world.publish_again(self.errand, topic, zlib.crc32(part.key), part)

        def unanswered(why: str) -> None:
            raise BusUnavailable(why)

        about = (part.key.decode(), f"part {part.part}")
        await self._gate.step("resend", effect, about, unanswered, "bus")


@contextlib.contextmanager
def room_for(bytes_a_part: int) -> Generator[None]:
    """Limit the recipients in a part of a resend to this many bytes."""

    class Narrow(PartEncoder):
        def __init__(self, head: Any) -> None:
            super().__init__(head)
            self._room = min(self._room, bytes_a_part)

    with patch("ledger.resend_selection.PartEncoder", Narrow):
        yield
