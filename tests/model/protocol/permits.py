"""Permits of a tenant: taken after the intent, one for each message (consumer/flow_control/tenant_quotas.py)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.model.protocol.state import PUT_BACK, TODO, State, Step, Worker, put
from tests.model.protocol.worker import go_on

if TYPE_CHECKING:
    from tests.model.model import Model


def permit_steps(m: "Model", s: State, at: int, worker: Worker) -> Iterator[Step]:
    """Yield the write of permits before the next call or after the last one.

    A call may be made with a permit of a period that has just ended, because the check comes before the call.
    """
    if not m.config.limit:
        return
    if worker.unused:
        yield _give_back(m, s, at, worker)
    elif worker.permit != s.env.period + 1 and "permit_after_call" not in m.flaws:
        yield _take(m, s, at, worker)


def may_call(m: "Model", worker: Worker) -> bool:
    """Return whether the next call may be made."""
    if not m.config.limit or "permit_after_call" in m.flaws:
        return True
    return bool(worker.permit)


def after_call(m: "Model", worker: Worker, letter: str) -> Worker:
    """Return the worker with a permit that it gives back, if the message was certainly not sent."""
    if not m.config.limit:
        return worker
    if "permit_after_call" in m.flaws:
        return worker._replace(unused=-1)
    returned = "RFZBU" if "uncertain_permits_given_back" in m.flaws else "RFZB"
    return worker._replace(permit=0, unused=worker.permit if letter in returned else 0)


def metered(m: "Model", s: State, worker: Worker, took: int) -> tuple[int, ...]:
    """Return the number of messages of each period after a call. A call counts in the period of its permit."""
    if not m.config.limit:
        return s.metered
    period = worker.permit - 1 if worker.permit else s.env.period
    return put(s.metered, period, s.metered[period] + took)


def _take(m: "Model", s: State, at: int, worker: Worker) -> Step:
    if s.permits < m.config.limit:
        taken = worker._replace(permit=s.env.period + 1)
        after = s._replace(permits=s.permits + 1, procs=put(s.procs, at, taken))
        return Step(("take a permit",), fair=True, after=after)
    entries = tuple(e._replace(answer=PUT_BACK) if e.answer == TODO else e for e in worker.entries)
    worker = go_on(m, worker._replace(entries=entries, permit=0))
    return Step(("no permit is left",), fair=True, after=s._replace(procs=put(s.procs, at, worker)))


def _give_back(m: "Model", s: State, at: int, worker: Worker) -> Step:
    """Give a permit back, unless its period is over."""
    permits = s.permits
    if worker.unused < 0:  # taken after the call, by a flaw
        permits += 1
    elif worker.unused == s.env.period + 1 or "old_permits_given_back" in m.flaws:
        permits = max(permits - 1, 0)
    worker = go_on(m, worker._replace(unused=0))
    return Step(("give the permit back",), fair=True, after=s._replace(permits=permits, procs=put(s.procs, at, worker)))


def wrong_permits(m: "Model", s: State) -> str | None:
    """Return a complaint if more messages of a period were sent than the limit."""
    if m.config.limit and max(s.metered) > m.config.limit:
        return "more messages than the limit of the tenant"
    return None
