"""Each scenario is disturbed at each of its steps, and afterwards logs, events and counts agree.

A step is killed, loses its answer though the write was done, or stalls past its lease while another process finishes.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from consumer.context import ConsumerContext
from consumer.kafka.bus import BusUnavailable
from consumer.kafka.record import KafkaRecord
from core.ids import request_key
from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from ledger.errors import LedgerUnavailable
from schemas.statuses import Reason
from tests.flow.world import LEASE_SECONDS, START, RecordingProvider, Steps, World, awake
from tests.support.builders import LEDGER_PORTS

NUMBERS = [f"138000000{n:02d}" for n in range(7)]
KEY = request_key("t1", "r1")
NOT_SENT = {"failed", "cancelled", "expired", "suppressed"}


def ends(message: Message, *digits: str) -> bool:
    return message.to.endswith(digits)


def moody(message: Message, before: int) -> SendResult:
    """Refuse the last number finally, and the one before it once for the moment."""
    if ends(message, "06"):
        return Failed(Reason.REJECTED)
    return Retry(Reason.UNAVAILABLE) if ends(message, "05") and before == 0 else Sent()


def silent_once(message: Message, before: int) -> SendResult:
    """Give two numbers no answer at first. Then refuse one of them finally."""
    if ends(message, "03", "06") and before == 0:
        return Uncertain(Reason.NO_ANSWER)
    return Failed(Reason.REJECTED) if ends(message, "06") else Sent()


def refusing(message: Message, before: int) -> SendResult:
    """Refuse the even numbers for the moment, at every attempt."""
    del before
    return Retry(Reason.UNAVAILABLE) if ends(message, "00", "02", "04", "06") else Sent()


@dataclass(frozen=True)
class Scenario:
    """A request, its providers, and what happens to it."""

    name: str
    answers: tuple[Callable[[Message, int], SendResult], ...]
    """The answers of each provider, in order of priority."""
    deduplicates: bool = False
    on_uncertain: str = "mark_unknown"
    parts: int = 1
    cancelled_at: int | None = None
    """Number of chunks that are delivered before the cancel."""
    expires: bool = False
    """True if the request expires between the first attempt and the retries."""
    template: bool = False
    """True if the request names a template that changes before each expansion."""

    def providers(self) -> list[RecordingProvider]:
        return [
            RecordingProvider(f"p{n}", deduplicates=self.deduplicates, answers=a) for n, a in enumerate(self.answers)
        ]

    @property
    def doubtful(self) -> bool:
        """Return whether a provider itself causes uncertain deliveries."""
        return silent_once in self.answers


SCENARIOS = [
    Scenario("failover", (refusing, moody)),
    Scenario("failover-resend", (refusing, silent_once), on_uncertain="resend"),
    Scenario("deduplicating", (silent_once,), deduplicates=True),
    Scenario("deduplicating-failover", (refusing, silent_once), deduplicates=True),
    Scenario("silent", (silent_once,)),
    Scenario("silent-resend", (silent_once,), on_uncertain="resend"),
    Scenario("two-parts", (moody,), parts=2),
    Scenario("template-parts", (moody,), parts=2, template=True),
    Scenario("cancel", (moody,), cancelled_at=1),
    Scenario("cancel-resend", (silent_once,), on_uncertain="resend", cancelled_at=2),
    Scenario("cancel-parts-deduplicating", (silent_once,), deduplicates=True, parts=2, cancelled_at=2),
    Scenario("expiry-between-retries", (refusing,), expires=True),
    Scenario("expiry-between-retries-resend", (silent_once, refusing), on_uncertain="resend", expires=True),
]


class Run:
    """One scenario in one world."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario, self.world = scenario, World(*scenario.providers())
        said: dict[str, Any] = {"on_uncertain": scenario.on_uncertain}
        if scenario.expires:
            said["expires_at"] = (START + timedelta(seconds=500)).isoformat()
        people: list[object] = ["12", *NUMBERS, NUMBERS[0]]
        if scenario.template:
            said["template"] = "code"
        if scenario.parts == 1:
            self.records = [self.world.record(*people, **said)]
        else:
            self.records = [
                self.world.record(*people[:5], **said, part=0, last=False),
                self.world.record(*people[5:], **said, part=1, last=True),
            ]
        self.total = len(people)
        self._versions = itertools.count(1)

    async def expand(self, record: KafkaRecord, context: ConsumerContext) -> None:
        """Change the template, then expand a record."""
        if self.scenario.template:
            await self.world.ledger.templates.put("t1", "code", f"text {next(self._versions)}", None)
        await self.world.expand(record, context)

    async def work(self, context: ConsumerContext) -> None:
        """Expand all records, deliver all chunks and retry, in one process."""
        for record in self.records:
            await self.expand(record, context)
            if self.scenario.parts > 1:
                await self.world.deliver_all(context)
        if self.scenario.cancelled_at is not None:
            await self.cancel_before(context, self.scenario.cancelled_at)
        for seconds in (0, 700):
            self.world.pass_time(seconds)
            await self.world.deliver_all(context)

    async def cancel_before(self, context: ConsumerContext, wake_up: int) -> None:
        later = self.world.bus.wake_ups[wake_up:]
        del self.world.bus.wake_ups[wake_up:]
        await self.world.deliver_all(context)
        await context.ledger.requests.cancel(KEY)
        await context.ledger.chunks.mark_cancelled(KEY)
        self.world.bus.wake_ups += later

    async def finish(self) -> None:
        """Expand the records again, as if uncommitted, and let healthy processes finish."""
        self.world.pass_time(LEASE_SECONDS + 61)
        context = self.world.context()
        for record in self.records:
            await self.expand(record, context)
        await self.world.settle(6)

    async def check(self, disturbances: int) -> None:
        """Check that recipients, accepted messages, logs, events and counts agree."""
        world, scenario = self.world, self.scenario
        logs = await world.logs()
        assert len(logs) == self.total, "a recipient is lost"
        assert {event["log_id"]: event["status"] for event in world.events("delivery")} == {
            log.id: log.outcome.value for log in logs
        }
        outcomes = Counter(log.outcome.value for log in logs)
        (completed,) = world.events("request.completed")
        assert completed["by_status"] == outcomes
        assert completed["total"] == self.total
        counts = await world.ledger.chunks.counts(KEY)
        assert {str(k): n for k, n in completed["by_status"].items()} == Counter(
            {status.value: sum(n for (s, _), n in counts.items() if s is status) for status, _ in counts}
        )
        taken = Counter[str]()
        for provider in world.providers:
            taken.update(provider.taken)
        for log in logs:
            if log.outcome.value in NOT_SENT:
                assert not taken[log.id], f"{log.outcome.value}, and the provider took it"
            if log.outcome.value == "sent":
                assert taken[log.id], "sent, and no provider took it"
        texts = {message.text for provider in world.providers for message in provider.texts.values()}
        assert len(texts) <= 1, "one request says two things"
        limit = disturbances * world.limits.window_size
        repeated = sum(n - 1 for n in taken.values() if n > 1)
        safe = scenario.on_uncertain == "mark_unknown"
        assert repeated <= (0 if safe else limit), "sent twice"
        stopped = scenario.expires or scenario.cancelled_at is not None
        if not scenario.doubtful or (scenario.deduplicates and not stopped):
            assert outcomes["unknown"] <= limit, "in doubt without need"


class Disturbed(Steps):
    """Steps with an action before or after one of them."""

    def __init__(self, at: int, disturb: Callable[[str], Awaitable[None]], *, after: bool) -> None:
        super().__init__()
        self.at, self.disturb, self.after, self.happened = at, disturb, after, False

    async def step(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        here = len(self.done) == self.at
        self.done.append(name)
        if here and not self.after:
            self.happened = True
            await self.disturb(name)
        result = await call()
        if here and self.after:
            self.happened = True
            await self.disturb(name)
        await asyncio.sleep(0)
        return result


@pytest.fixture(params=SCENARIOS, ids=lambda scenario: scenario.name)
def scenario(request: pytest.FixtureRequest) -> Scenario:
    found: Scenario = request.param
    return found


async def test_undisturbed(scenario: Scenario) -> None:
    run = Run(scenario)
    await run.work(run.world.context())
    await run.finish()
    await run.check(0)


@pytest.mark.parametrize("after", [False, True], ids=["before the step", "after the step"])
async def test_killed_at_any_step(scenario: Scenario, after: bool) -> None:  # noqa: FBT001
    for at in itertools.count():
        run = Run(scenario)
        if not await run.world.run_until_killed(run.work(run.world.context(Steps(at, after=after)))):
            break
        await run.finish()
        await run.check(1)
    assert at > 30


async def test_each_answer_may_be_lost_once(scenario: Scenario) -> None:
    for at in itertools.count():
        run = Run(scenario)

        async def lose(name: str) -> None:
            if name.startswith(LEDGER_PORTS) and name != "chunks.claim_due":
                raise LedgerUnavailable("no answer")
            if name.startswith("bus"):
                raise BusUnavailable("no answer")

        steps = Disturbed(at, lose, after=True)
        cancelling = scenario.cancelled_at is not None
        try:
            await asyncio.wait_for(run.work(awake(run.world.context(steps))), 20)
        except LedgerUnavailable:
            assert cancelling  # the canceller is this test
            continue
        if not steps.happened:
            break
        await run.finish()
        await run.check(0)
    assert at > 30


@pytest.mark.parametrize("rounds", [1, 6], ids=["while another begins", "while another finishes"])
async def test_stalled_past_its_lease_at_any_step(scenario: Scenario, rounds: int) -> None:
    for at in itertools.count():
        run = Run(scenario)

        async def stall(_: str, run: Run = run) -> None:
            run.world.pass_time(LEASE_SECONDS + 61)
            await (run.world.settle(rounds) if rounds > 1 else run.world.deliver_all(run.world.context()))

        steps = Disturbed(at, stall, after=rounds > 1)
        await asyncio.wait_for(run.work(awake(run.world.context(steps))), 20)
        if not steps.happened:
            break
        await run.finish()
        await run.check(1)
    assert at > 30
