"""Planned resends, the requests that follow from them, and the observations of both."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from core.ids import LogId, log_id
from core.request_parts import EncodedPart
from ledger.memory.store import Store
from ledger.models import Chunk, Part
from schemas.statuses import Channel, Status
from tests.simulate.scenario import START, Ask, Person

RESEND_STEPS = frozenset({"choose", "resend", "reserve_resends"})
SLOW_SECONDS = 8.0
"""Time between two parts of a resend, in seconds, after which its intake may be closed."""


@dataclass(frozen=True)
class Errand:
    """Resend of a request, after its completion."""

    ask: Ask
    status: Status
    delay: float
    request_id: str | None
    careless: bool
    """True if every delivery of the request is published, independent of its status."""


def draw_errands(rng: random.Random, asks: Sequence[Ask], needed: str) -> list[Errand]:
    """Draw the resends of a world: usually none, and sometimes two at once with one id or two."""
    errands: list[Errand] = []
    if needed not in RESEND_STEPS and rng.random() < 0.82:
        return errands
    for _ in range(rng.choice((1, 1, 2))):
        ask, status = rng.choice(asks), rng.choice((Status.FAILED, Status.UNKNOWN))
        delay = rng.choice((0.0, 1.0, 5.0)) * rng.random()
        for _ in range(rng.choice((1, 2))):
            name = f"{ask.request_id}-again{len(errands)}" if rng.random() < 0.4 else None
            delay += rng.choice((0.0, 0.05, 0.5)) * rng.random()
            errands.append(Errand(ask, status, delay, name, careless=rng.random() < 0.2))
    return errands


@dataclass
class Resend(Ask):
    """Request that repeats deliveries of another one, as its records describe it."""

    bodies: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    """Published bodies, by part."""
    came: list[float] = field(default_factory=list)
    """Publication time of each record."""

    def take(self, body: dict[str, Any], at: float) -> None:
        """Note another published record."""
        self.came.append(at)
        known = self.bodies.setdefault(body["part"], [])
        if body not in known:
            known.append(body)
            self.contradicted = self.contradicted or len(known) > 1
            self.parts += [[] for _ in range(body["part"] + 1 - len(self.parts))]
            if len(known) == 1:
                self.parts[body["part"]] = _people(body)

    @property
    def lacks_parts(self) -> bool:
        """Return whether its publisher stopped early or took too long."""
        all_said = [body for bodies in self.bodies.values() for body in bodies]
        whole = any(body["last"] and set(self.bodies) >= set(range(body["part"])) for body in all_said)
        slow = any(after - before > SLOW_SECONDS for before, after in zip(self.came, self.came[1:], strict=False))
        return self.contradicted or slow or not whole

    def settle_on(self, registered: Iterable[Part], chunks: Sequence[Chunk]) -> str | None:
        """Find the body of each part that was accepted, which may not be the first. Return an error if none fits.

        The registered size tells a body from another one that goes on where it ends.
        """
        for part in registered:
            written = [chunk for chunk in chunks if chunk.part == part.number]
            sized = [body for body in self.bodies.get(part.number, ()) if len(body["recipients"]) == part.size]
            fitting = [body for body in sized if all(_fits(body, chunk) for chunk in written)]
            if not fitting:
                return f"I5: part {part.number} of {self.request_id} is of none of the records that were published"
            self.parts[part.number] = _people(fitting[0])
        return None


def _people(body: Mapping[str, Any]) -> list[Person]:
    return [Person(said["to"], said) for said in body["recipients"]]


def _fits(body: Mapping[str, Any], chunk: Chunk) -> bool:
    said = body["recipients"][chunk.first : chunk.first + chunk.size]
    return tuple(one["resend_of"] for one in said) == chunk.resend_of


def begin_resend(body: Mapping[str, Any]) -> Resend:
    """Return the request of a first record."""
    expires_at = body.get("expires_at")
    return Resend(
        body["request_id"],
        Channel(body["channel"]),
        body["on_uncertain"],
        body["content"],
        [],
        expires_at=(datetime.fromisoformat(expires_at) - START).total_seconds() if expires_at else None,
        reply_topic=body.get("reply_topic"),
    )


def body_of(part: EncodedPart) -> dict[str, Any]:
    """Return the body of a record without its time, which differs between attempts."""
    said: dict[str, Any] = orjson.loads(part.value)
    del said["accepted_at"]
    return said


class Repeats:
    """Observations of the resent deliveries."""

    def __init__(self, store: Store, fail: Callable[[str], None], brief: Callable[[str], str]) -> None:
        self.asked: dict[LogId, set[LogId]] = {}
        """Delivery that each delivery may repeat, from the records."""
        self.by: dict[LogId, LogId] = {}
        """Delivery that repeats each delivery, from the first note."""
        self.settled: set[LogId] = set()
        """Deliveries whose status a receipt changed."""
        self._store, self._fail, self._brief = store, fail, brief

    def publish(self, resend: Resend, body: Mapping[str, Any]) -> None:
        """Note a published record of a resend."""
        for index, said in enumerate(body["recipients"]):
            self.asked.setdefault(log_id(resend.key, body["part"], index), set()).add(said["resend_of"])

    def noted(self, resends: Mapping[LogId, LogId], answer: set[LogId]) -> None:
        """Check the notes on old logs: one on each log, and none on a sent delivery."""
        for old, new in resends.items():
            if old not in answer:
                continue
            if old not in self.by and self._store.logs[old].status not in {Status.UNKNOWN, Status.FAILED}:
                self._fail(f"{self._brief(old)} is {self._store.logs[old].status}, and to be sent again")
            if self.by.setdefault(old, new) != new:
                self._fail(f"{self._brief(old)} is to be repeated twice, by {self._brief(self.by[old])} before")

    def called(self, delivery: LogId, chunk: Chunk, index: int) -> None:
        """Check at the start of a provider call that a repeated delivery has its note."""
        olds = self.asked.get(delivery)
        if olds is None:
            return
        old = chunk.resend_of[index - chunk.first] if chunk.resend_of else None
        log = self._store.logs.get(old) if old else None
        if old is None or old not in olds:
            self._fail(f"{self._brief(delivery)} repeats another delivery than its record said")
        elif self.by.get(old) != delivery:
            self._fail(f"{self._brief(delivery)} repeats {self._brief(old)}, on whose log that is not noted")
        elif log and log.outcome is Status.SENT and log.status is not Status.FAILED:
            self._fail(f"{self._brief(delivery)} repeats {self._brief(old)}, which was sent")
