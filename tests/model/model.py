"""Protocol as a graph: the possible next steps of each state."""

from collections.abc import Iterator

from tests.model.config import Config
from tests.model.protocol.claim import claims
from tests.model.protocol.deliver import deliver
from tests.model.protocol.environment import environment
from tests.model.protocol.expand import begins, expand
from tests.model.protocol.finish import finish, sweeps
from tests.model.protocol.invariants import quiet, standing
from tests.model.protocol.rules import Rules
from tests.model.protocol.state import (
    IDLE,
    SUPPRESSED,
    Chunk,
    Env,
    Expander,
    Finisher,
    Request,
    State,
    Step,
    Worker,
    count,
)
from tests.model.protocol.steps import STEPS


class Model:
    """Configuration with flaws."""

    def __init__(self, config: Config, flaws: tuple[str, ...] = ()) -> None:
        self.config, self.flaws = config, frozenset(flaws)
        self.rules = Rules(config, self.flaws)
        self.part_of: list[int] = []
        self.chunks_of: list[tuple[int, ...]] = []
        self.of_chunk: list[tuple[int, ...]] = []
        self.decided: dict[int, int] = {}
        self.repeats: set[int] = set()
        """Deliveries with the same recipient as delivery 0."""
        deliveries = 0
        for part, chunks in enumerate(config.parts):
            self.chunks_of.append(tuple(range(len(self.part_of), len(self.part_of) + len(chunks))))
            for kinds in chunks:
                self.part_of.append(part)
                self.of_chunk.append(tuple(range(deliveries, deliveries + len(kinds))))
                self.decided.update({deliveries + at: SUPPRESSED for at, kind in enumerate(kinds) if kind == "d"})
                self.repeats.update({deliveries + at for at, kind in enumerate(kinds) if kind == "x"})
                deliveries += len(kinds)
        self.records = config.records or tuple((part, 0) for part in range(len(config.parts)))
        self.start = self._start(deliveries)

    def _start(self, deliveries: int) -> State:
        config, none, parts = self.config, (0,) * deliveries, (0,) * len(self.config.parts)
        env = Env(0, config.crashes, config.lapses, config.repeats, config.receipts, 0, (0,) * len(config.orders))
        request = Request(0, parts, parts, parts)
        chunks = (None,) * len(self.part_of)
        asked = none if config.has_route else ()
        amounts = ((0,) * len(chunks), none) if config.budget is not None else ((), ())
        metered = (0,) * config.periods if config.limit else ()
        idle = (IDLE,) * config.processes
        return State(request, chunks, none, none, none, none, ((), 0), idle, env, none, asked, 0, metered, *amounts)

    # ------------------------------------------------------------------ values of a state

    def outcome(self, log: int) -> int:
        """Return the outcome of a log, from which events and counts are made. Receipts change only the status."""
        return log >> 4 if "event_from_status" in self.flaws else log & 15

    def tally(self, deliveries: list[int], logs: tuple[int, ...]) -> tuple[int, ...]:
        """Return the counts of these deliveries."""
        return count([self.outcome(logs[delivery]) for delivery in deliveries])

    def all_expanded(self, request: Request) -> bool:
        """Return whether every part is expanded. Refused parts do not count."""
        if "completion_without_parts" in self.flaws:
            return True
        ended = [counted or lost for counted, lost in zip(request.counted, request.lost, strict=True)]
        if request.cut:
            return all(end or not begun for end, begun in zip(ended, request.begun, strict=True))
        return all(request.counted)

    @staticmethod
    def any_open(chunks: tuple[Chunk | None, ...]) -> bool:
        """Return whether a chunk is open."""
        return any(chunk and not chunk.closed for chunk in chunks)

    def ordered(self, at: int) -> int:
        """Return the pause count that a pause or resume sets on the request."""
        return sum(order != "cancel" for order in self.config.orders[: at + 1])

    def barred(self, state: State) -> str | None:
        """Return the answered order that is in force, after which no window may start."""
        answered = 1 + len(state.chunks)
        for at, (order, done) in enumerate(zip(self.config.orders, state.env.orders, strict=True)):
            newest = order == "pause" and state.request.pauses == self.ordered(at)
            if done == answered and (order == "cancel" or newest):
                return order
        return None

    # ------------------------------------------------------------------ next steps

    def successors(self, state: State) -> list[Step]:
        """Yield every next step. Processes are interchangeable, so they are kept sorted."""
        found = []
        for step in self._steps(state):
            procs = step.after.procs
            if len(procs) > 1:
                ordered = tuple(sorted(procs))
                if ordered != procs:
                    found.append(Step(step.label, step.fair, step.after._replace(procs=ordered), step.complaint))
                    continue
            found.append(step)
        return found

    def standing(self, state: State) -> str | None:
        """Return a complaint about a state."""
        return standing(self, state)

    def quiet(self, state: State) -> str | None:
        """Return a complaint about a final state."""
        return quiet(self, state)

    def _steps(self, state: State) -> Iterator[Step]:
        yield from environment(self, state)
        asked_idle = False
        for at, proc in enumerate(state.procs):
            if not proc.step:
                if not asked_idle:  # idle processes are interchangeable
                    asked_idle = True
                    yield from begins(self, state, at)
                    yield from claims(self, state, at)
                    yield from sweeps(self, state, at)
                continue
            if crashes := state.env.crashes:
                env = state.env._replace(crashes=crashes - 1)
                after = state._replace(procs=_without(state, at), env=env)
                yield Step(("CRASH before", STEPS[proc.step]), fair=False, after=after)
            match proc:
                case Worker():
                    yield from deliver(self, state, at, proc)
                case Expander():
                    yield from expand(self, state, at, proc)
                case Finisher():
                    yield from finish(self, state, at, proc)


def _without(state: State, at: int) -> tuple[object, ...]:
    return (*state.procs[:at], IDLE, *state.procs[at + 1 :])
