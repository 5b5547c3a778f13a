"""Plain bulk: the same job by rollcall, by a plain FastStream service, and by Celery with Redis."""

from collections.abc import Callable
from dataclasses import replace

from bench.celery_program import started_celery
from bench.programs import WARM_UP_RECIPIENTS, Program, bulk_work
from bench.scenario import Figures, Goal, MissingPeerError, Place, Scenario, Size

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
        return _measure(program, place, recipients)


def _measure(program: Program, place: Place, recipients: int) -> float:
    """Return the recipients per second. Celery publishes no event for a request, only those of its recipients."""
    warm_up = bulk_work("warm", WARM_UP_RECIPIENTS // _PARTS[program.name], _REQUEST_RECIPIENTS)
    work = bulk_work("run", recipients, _REQUEST_RECIPIENTS)
    if program.name == _CELERY:
        warm_up, work = (replace(each, events=each.number) for each in (warm_up, work))
    return program.measure(place, warm_up, work).rate


SCENARIO = Scenario(
    title="plain FastStream, and Celery + Redis: the same job the plain way",
    about="SMS in bulk to a provider without latency, one log and one event for each recipient, with durable writes.",
    quick=Size(20_000, 2),
    full=Size(100_000, 5),
    run=run,
    goals=[Goal("rollcall / plain FastStream", at_least=50), Goal("rollcall / Celery", at_least=12)],
)
