"""Plain bulk: the same job by rollcall, by a plain FastStream service, and by Celery with Redis."""

from collections.abc import Callable

from bench.celery_program import started_celery
from bench.measure import WARM_UP_RECIPIENTS
from bench.programs import Program, Work
from bench.scenario import Figures, Goal, MissingPeerError, Place, Scenario, Size
from bench.workload import Order

_REQUEST_RECIPIENTS = 10_000
"""Maximum number of recipients of a request. It is one intake record."""
_ROLLCALL, _FASTSTREAM, _CELERY = "rollcall", "plain FastStream", "Celery"
_PARTS = {_ROLLCALL: 1, _FASTSTREAM: 50, _CELERY: 10}
"""The slow programs get one recipient of this many."""


def run(place: Place, recipients: int) -> Figures:
    """Measure the programs, one after the other. Raise MissingPeerError with the other figures without Celery."""
    measures: dict[str, Callable[[Place, int], float]] = {
        _ROLLCALL: lambda place, number: _measure(Program(_ROLLCALL), place, number),
        _FASTSTREAM: lambda place, number: _measure(Program(_FASTSTREAM, "bench.plain_faststream"), place, number),
        _CELERY: _measure_celery,
    }
    rates, missing = {}, ""
    for name in measures if place.is_odd else reversed(measures):
        try:
            rates[name] = measures[name](place, recipients // _PARTS[name])
        except MissingPeerError as error:
            missing = str(error)
    figures = {f"{name}, recipients/s": rates[name] for name in measures if name in rates}
    figures |= {f"rollcall / {name}": rates[_ROLLCALL] / rate for name, rate in rates.items() if name != _ROLLCALL}
    if missing:
        raise MissingPeerError(missing, figures)
    return figures


def _measure_celery(place: Place, recipients: int) -> float:
    with started_celery(place) as program:
        return _measure(program, place, recipients, events_of_request=0)


def _measure(program: Program, place: Place, recipients: int, events_of_request: int = 2) -> float:
    """Return the recipients per second. `events_of_request` are those beside the events of its recipients."""
    warm_up = WARM_UP_RECIPIENTS // _PARTS[program.name]
    works = [_work(name, number, events_of_request) for name, number in (("warm", warm_up), ("run", recipients))]
    return program.measure(place, *works).rate


def _work(name: str, recipients: int, events_of_request: int) -> Work:
    firsts = range(0, recipients, _REQUEST_RECIPIENTS)
    orders = [Order(f"{name}-{at}", min(_REQUEST_RECIPIENTS, recipients - at)) for at in firsts]
    records = [(order.request_id.encode(), value) for order in orders for value in order.records()]
    return Work("bulk.requests", records, recipients, recipients + events_of_request * len(records))


SCENARIO = Scenario(
    title="plain FastStream, and Celery + Redis: the same job the plain way",
    about="SMS in bulk to a provider without latency, one log and one event for each recipient, with durable writes.",
    quick=Size(20_000, 2),
    full=Size(100_000, 5),
    run=run,
    goals=[Goal("rollcall / plain FastStream", at_least=50), Goal("rollcall / Celery", at_least=12)],
)
