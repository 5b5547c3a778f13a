"""Small requests: one consumer against the same work by hand, and against a plain FastStream service."""

from bench.programs import Program, Work
from bench.scenario import Figures, Goal, Place, Scenario, Size
from bench.workload import small_requests

_EVENTS = 3
"""Number of events of a request: accepted, sent and completed."""
_WARM_UP = 200
_ROLLCALL = Program("rollcall")
_BY_HAND = Program("by hand", "bench.single_document_main")
_PLAIN = Program("plain FastStream", "bench.plain_faststream")
_PLAIN_PART = 5
"""The slow program gets one request of this many."""


def run(place: Place, requests: int) -> Figures:
    """Measure requests of one recipient, one program after the other."""
    programs = [_ROLLCALL, _BY_HAND, _PLAIN]
    figures, rates = {}, {}
    for program in programs if place.is_odd else reversed(programs):
        number, warm_up = requests, _WARM_UP
        if program is _PLAIN:
            number, warm_up = requests // _PLAIN_PART, _WARM_UP // _PLAIN_PART
        found = program.measure(place, _work("warm", warm_up), _work("run", number))
        rates[program] = found.rate
        figures[f"{program.name}, requests/s"] = found.rate
        figures[f"{program.name}, µs of CPU a request"] = found.cpu_seconds / number * 1e6
    return {
        **figures,
        "rollcall / by hand": rates[_ROLLCALL] / rates[_BY_HAND],
        "rollcall / plain FastStream": rates[_ROLLCALL] / rates[_PLAIN],
    }


def _work(name: str, number: int) -> Work:
    return Work("bulk.requests.express", list(small_requests(name, number)), number, _EVENTS * number)


SCENARIO = Scenario(
    title="requests of one recipient, one consumer process",
    about="Login codes in SMS, one request each, from Kafka to a simulator without latency.",
    quick=Size(1_000, 2),
    full=Size(5_000, 5),
    run=run,
    goals=[Goal("rollcall / by hand", at_least=0.5), Goal("rollcall / plain FastStream", at_least=15)],
)
