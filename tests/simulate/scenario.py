"""Requests of one world: their parts, valid and invalid records, and the publication time of each."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from consumer.sweep.retention_batches import BatchSizes
from consumer.sweep.sweeper import SweepIntervals
from core.ids import LogId, RequestKey, log_id, request_key
from schemas.statuses import Channel
from schemas.topic_definitions import Topics

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TOPICS = Topics()
TENANT = "t1"
REPLIES = "replies.here"
TEMPLATE = "greeting"
PIN = "97531"
"""Value of the secret variable that all recipients of a request share."""
PART_TIMEOUT_SECONDS = 15.0
BUDGET_SHARE = 0.15
"""Share of the worlds whose requests for SMS have a budget."""
CURRENCY, UNIT = "EUR", 1_000_000
PRICES = {"sms0": 1, "sms1": 2, "mail": 0}
"""Price of an SMS at each provider, in units."""
PERIODS = SweepIntervals(due=3.2, never_claimed=9.0)
"""Sweep periods. A lease here lasts six seconds, and a search that finds nothing costs most of a run."""
BATCH_SIZES = BatchSizes(chunks=1, logs=2, pause_seconds=3.0)
"""Small batches, so that a process can be killed between any two of them."""
POISON: tuple[bytes | None, ...] = (
    None,
    b"no json",
    b'{"tenant_id": "t1", "request_id": "bad-1", "channel": "sms"}',
    b'{"tenant_id": "t1", "request_id": "bad-2", "schema_version": 99}',
)
"""Records that can never be expanded."""


def moment(at: float) -> datetime:
    """Return the time this many seconds after the start."""
    return START + timedelta(seconds=at)


@dataclass(frozen=True)
class Person:
    """Recipient, and its expected end if the request alone decides it."""

    to: str
    said: Any
    """Return the form in the record."""
    decided: tuple[str, str] | None = None


@dataclass
class Ask:
    """Request as its caller intends it."""

    request_id: str
    channel: Channel
    on_uncertain: str
    content: str
    parts: list[list[Person]]
    send_at: float | None = None
    expires_at: float | None = None
    reply_topic: str | None = None
    template: str | None = None
    orders: list[tuple[float, str]] = field(default_factory=list)
    """Later orders of the caller, with their times."""
    withheld: int | None = None
    """Part that is never published, or is published too late."""
    contradicted: bool = False
    """True if another body is published under the same id."""
    secret: bool = False
    """True if `name` and a variable of the request are secret."""
    keeps_secrets: bool = False
    budget: int | None = None

    @property
    def key(self) -> RequestKey:
        return request_key(TENANT, self.request_id)

    @property
    def lacks_parts(self) -> bool:
        """Return whether a part may never be accepted."""
        return self.withheld is not None or self.contradicted

    def ordered(self, order: str) -> bool:
        """Return whether the caller ever gives this order."""
        return any(one == order for _, one in self.orders)

    def people(self) -> Iterator[tuple[int, LogId, Person]]:
        """Yield (part, delivery, person)."""
        for number, part in enumerate(self.parts):
            for index, person in enumerate(part):
                yield number, log_id(self.key, number, index), person

    def record(self, part: int, content: str | None = None) -> bytes:
        """Return the record of one part. With another content it contradicts the other parts."""
        said: dict[str, Any] = {
            "channel": self.channel.value,
            "content": content or self.content,
            "recipients": [person.said for person in self.parts[part]],
            "tenant_id": TENANT,
            "request_id": self.request_id,
            "on_uncertain": self.on_uncertain,
            "part": part,
            "last": part == len(self.parts) - 1,
            "accepted_at": START.isoformat(),
        }
        if self.channel is Channel.EMAIL:
            said["subject"] = "news"
        if self.send_at is not None:
            said["send_at"] = moment(self.send_at).isoformat()
        if self.expires_at is not None:
            said["expires_at"] = moment(self.expires_at).isoformat()
        if self.secret:
            said["content"] += " {{pin}}"
            said |= {"variables": {"pin": PIN}, "secret_variables": ["name", "pin"]}
            said["keep_secret_variables"] = self.keeps_secrets
        if self.budget is not None:
            said["budget"] = str(self.budget)
        optional = {"reply_topic": self.reply_topic, "template": self.template}
        return json.dumps(said | {name: value for name, value in optional.items() if value}).encode()


@dataclass(order=True)
class Publication:
    """Record and its publication time."""

    at: float
    number: int
    topic: str = field(compare=False)
    partition: int = field(compare=False)
    value: bytes | None = field(compare=False)
    request_id: str | None = field(compare=False, default=None)
    part: int = field(compare=False, default=0)
    is_right: bool = field(compare=False, default=False)


class Scenario:
    """Draw the requests of a world by the seed. `needed` names a step that must be able to occur.

    `budgets` has numbers of its own, so that the worlds without budgets stay as they are.
    """

    def __init__(self, rng: random.Random, needed: str, budgets: random.Random) -> None:
        self._rng, self._needed = rng, needed
        self.asks = [self._ask(number) for number in range(rng.choice((1, 1, 2, 3)))]
        if budgets.random() < BUDGET_SHARE:
            for ask in self.asks:
                if ask.channel is Channel.SMS:
                    ask.budget = budgets.randint(0, 2 * sum(map(len, ask.parts)))
        self.publications: list[Publication] = []
        for number, ask in enumerate(self.asks):
            self._publish(ask, number)
        if needed in {"dead_letter", "rejected"} or rng.random() < 0.15:
            value = POISON[2] if needed == "rejected" else rng.choice(POISON)
            self._add(rng.random() * 8, self._topic(), rng.randrange(3), value)
        self.publications.sort()

    def _ask(self, number: int) -> Ask:
        rng, needed, first = self._rng, self._needed, number == 0
        parts = rng.choice((1, 1, 2, 3))
        if first and needed in {"find_duplicates", "close_intake", "write_off_lost_parts", "lag"}:
            parts = rng.choice((2, 3))
        channel = Channel.SMS if rng.random() < 0.85 else Channel.EMAIL
        template = TEMPLATE if rng.random() < 0.1 and channel is Channel.SMS else None
        content = "hello" if template else rng.choice(("hello", "hello", "hi {{name}}"))
        ask = Ask(f"r{number + 1}", channel, "mark_unknown", content, self._people(channel, content, parts))
        if rng.random() < 0.4 or (first and needed == "recover_window"):
            ask.on_uncertain = "resend"
        if rng.random() < 0.2:
            ask.send_at = rng.uniform(0, 20)
        if rng.random() < 0.2:
            ask.expires_at = rng.uniform(0, 30) + (ask.send_at or 0)
        if rng.random() < 0.2:
            ask.reply_topic = REPLIES
        ask.template = template
        # Derived from the other draws, so that the worlds of known seeds stay as they are.
        recipients = sum(map(len, ask.parts))
        ask.secret, ask.keeps_secrets = "{{name}}" in content and recipients % 2 == 1, recipients % 4 == 3
        ask.orders = self._orders(first=first)
        if parts > 1 and (rng.random() < 0.15 or (first and needed in {"close_intake", "write_off_lost_parts", "lag"})):
            ask.withheld = rng.choice((parts - 1, parts - 1, rng.randrange(parts)))
        return ask

    def _orders(self, *, first: bool) -> list[tuple[float, str]]:
        """Draw a cancel, or pauses and resumes that may end in a cancel."""
        rng, needed, at, orders = self._rng, self._needed if first else "", self._rng.uniform(0, 9), []
        if needed in {"pause", "resume", "set_pause_count"} or rng.random() < 0.2:
            for order in ("pause", "resume", "pause", "resume")[: rng.choice((2, 2, 3, 4))]:
                orders.append((at, order))
                at += rng.choice((0.1, 2.0, 8.0)) * rng.random()
        if needed in {"cancel", "mark", "count_in_open_windows"} or rng.random() < 0.2:
            orders.append((at, "cancel"))
        return orders

    def _people(self, channel: Channel, content: str, parts: int) -> list[list[Person]]:
        rng, seen, found = self._rng, list[str](), list[list[Person]]()
        for _ in range(parts):
            part = list[Person]()
            for _ in range(rng.choice((1, 2, 3, 5, 7))):
                part.append(self._person(channel, content, seen))
                seen.append(part[-1].to)
            found.append(part)
        return found

    def _person(self, channel: Channel, content: str, seen: list[str]) -> Person:
        rng, asks_name = self._rng, "{{name}}" in content
        to = f"1380000{len(seen):04d}" if channel is Channel.SMS else f"p{len(seen)}@example.com"
        if (before := [one for one in seen if one != "12"]) and rng.random() < 0.1:
            to = rng.choice(before)
        if rng.random() < 0.07:
            return Person("12", "12" if not asks_name else {"to": "12", "variables": {"name": "X"}}, _INVALID)
        if to in seen:
            return Person(to, {"to": to, "variables": {"name": "X"}} if asks_name else to, _DUPLICATE)
        if asks_name and rng.random() < 0.1:
            return Person(to, to, _MISSING)
        return Person(to, {"to": to, "variables": {"name": "X"}, "reference": to[-2:]} if asks_name else to)

    def _publish(self, ask: Ask, number: int) -> None:
        """Publish each part once in order, some of them again, and some with another body before or after."""
        rng, topic, at = self._rng, self._topic(), self._rng.uniform(0, 6)
        for part in range(len(ask.parts)):
            when = at
            if part == ask.withheld:
                if rng.random() < 0.5 or self._needed in {"close_intake", "write_off_lost_parts", "lag"}:
                    continue
                when = at + rng.uniform(PART_TIMEOUT_SECONDS - 5, PART_TIMEOUT_SECONDS + 15)
            self._add(when, topic, number, ask.record(part), ask.request_id, part, is_right=True)
            if rng.random() < 0.15:
                self._add(when + rng.uniform(0, 15), topic, number, ask.record(part), ask.request_id, part)
            if rng.random() < 0.08 and ask.template is None:
                ask.contradicted = True
                other = ask.record(part, f"not {ask.content}")
                self._add(when + rng.uniform(-1, 5), topic, number, other, ask.request_id, part)
            at += rng.choice((0.0, 0.1, 1.0, 4.0))

    def _topic(self) -> str:
        return self._rng.choice((TOPICS.requests, TOPICS.requests_express))

    def _add(  # noqa: PLR0917  # a record and where it goes
        self,
        at: float,
        topic: str,
        partition: int,
        value: bytes | None,
        request_id: str | None = None,
        part: int = 0,
        *,
        is_right: bool = False,
    ) -> None:
        number = len(self.publications)
        self.publications.append(Publication(max(at, 0.0), number, topic, partition, value, request_id, part, is_right))


_INVALID = ("failed", "invalid_recipient")
_DUPLICATE = ("suppressed", "duplicate")
_MISSING = ("failed", "missing_variable")
