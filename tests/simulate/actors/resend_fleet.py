"""Fleet whose requests are resent, by operators and by callers that publish every delivery again."""

import asyncio
from dataclasses import replace

from core.request_parts import EncodedPart
from schemas.statuses import Status
from tests.simulate.actors.caller import Caller
from tests.simulate.actors.fleet import Fleet
from tests.simulate.actors.operators import Operator
from tests.simulate.actors.resend_plan import Errand, Resend, begin_resend, body_of
from tests.simulate.environment.faults import Coverage
from tests.simulate.loop import Actor
from tests.simulate.scenario import Scenario

MOST_OPERATORS = 6


class Resending(Fleet):
    """Fleet with operators."""

    scenario: Scenario

    def __init__(self, seed: int, coverage: Coverage, trace: list[str] | None) -> None:
        super().__init__(seed, coverage, trace)
        self.operators: list[Operator] = []
        self.published_parts: set[tuple[str, int]] = set()

    @property
    def chunk_size(self) -> int:
        return self.limits.chunk_size

    def send_operator(self, errand: Errand) -> None:
        """Start an operator."""
        operator = Operator(self, len(self.operators), errand)
        self.operators.append(operator)
        self.loop.start(operator, operator.run())

    def is_over(self, errand: Errand) -> bool:
        """Return whether the request is completed."""
        document = self.books.store.requests.get(errand.ask.key)
        return bool(document and document.request.completion)

    def kill(self, actor: Actor) -> None:
        """Kill the process. The command of a killed operator is usually run again."""
        super().kill(actor)
        if isinstance(actor, Operator) and self.rng.random() < 0.7:
            self.send_operator(replace(actor.errand, delay=self.rng.uniform(0.5, 6)))

    def publish_again(self, errand: Errand, topic: str, partition: int, part: EncodedPart) -> None:
        """Publish a record of a resend on the intake."""
        body, asks = body_of(part), self.scenario.asks
        resend = next((one for one in asks if one.request_id == body["request_id"]), None)
        if resend is None:
            resend = begin_resend(body)
            asks.append(resend)
            self._perhaps_go_on(errand, resend)
        if not isinstance(resend, Resend):
            raise TypeError("an id for two things")
        resend.take(body, self.loop.time())
        self.books.repeats.publish(resend, body)
        self.published_parts.add((resend.request_id, part.part))
        self.kafka.append(topic, partition, self.now_ms(), part.key, part.value)

    def _perhaps_go_on(self, errand: Errand, resend: Resend) -> None:
        """Draw whether a resend is cancelled or is itself resent."""
        now, draw = self.loop.time(), self.rng.random()
        if draw < 0.15 and self.faults.enabled:
            resend.orders = [(now + self.rng.uniform(0, 3), "cancel")]
            caller = Caller(self, resend)
            self.loop.start(caller, caller.give_orders())
        elif draw > 0.8 and len(self.operators) < MOST_OPERATORS:
            self.send_operator(replace(errand, ask=resend, delay=self.rng.random(), request_id=None))

    async def receive(self) -> None:
        """Apply receipts to unknown deliveries that the provider accepted."""
        logs = self.books.store.logs
        while True:
            await asyncio.sleep(self.rng.uniform(0.2, 2))
            unknown = [one for one in logs.values() if one.status is Status.UNKNOWN]
            if unknown and any(side.taken[(log := self.rng.choice(unknown)).id] for side in self.all_sides):
                status = self.rng.choice((Status.SENT, Status.DELIVERED))
                logs[log.id] = log._replace(status=status)
                self.books.repeats.settled.add(log.id)
                self.note(f"receipt {self.books.brief(log.id)} {status}")
