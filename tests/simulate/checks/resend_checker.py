"""Check after a run that resent deliveries agree with the deliveries that they repeat."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from core.ids import LogId
from ledger.models import Log
from schemas.statuses import Reason, Status
from tests.simulate.actors.resend_plan import Resend
from tests.simulate.checks.observations import Observations
from tests.simulate.scenario import Ask

DONE = {Status.SENT, Status.UNKNOWN, Status.CANCELLED}
"""Possible ends of a delivery that was not decided during the expansion."""


def resend_findings(asks: Iterable[Ask], books: Observations, taken: Counter[str]) -> Iterator[str]:
    """Return the errors of the resent deliveries."""
    resends = [ask for ask in asks if isinstance(ask, Resend)]
    for resend in resends:
        document = books.store.requests.get(resend.key)
        registered = document.request.parts.values() if document else ()
        if wrong := resend.settle_on(registered, [one.chunk for one in books.store.chunks_of(resend.key)]):
            yield wrong
    repeating = {new: LogId(one.said["resend_of"]) for resend in resends for _, new, one in resend.people()}
    for new, old in repeating.items():
        if log := books.store.logs.get(new):
            yield from _agree(log, old, books)
    yield from _sent_again(repeating, books, taken)
    for old, new in books.repeats.by.items():
        if (log := books.store.logs.get(old)) and log.resent_as != new:
            yield f"{books.brief(old)} was to be repeated by {books.brief(new)}, and by {log.resent_as} in the end"
    for log in books.store.logs.values():
        if log.outcome_reason is Reason.SETTLED and log.id not in repeating:
            yield f"{books.brief(log.id)} is settled, and repeats nothing"


def _sent_again(repeating: Mapping[LogId, LogId], books: Observations, taken: Counter[str]) -> Iterator[str]:
    """Check that the providers accepted no sent delivery again, and none twice."""
    repeated = defaultdict[LogId, list[LogId]](list)
    for new, old in repeating.items():
        if taken[new]:
            repeated[old].append(new)
    for old, news in repeated.items():
        if len(news) > 1:
            yield f"{books.brief(old)} was sent again by {' and '.join(map(books.brief, news))}"
        if (log := books.store.logs.get(old)) and log.outcome is Status.SENT and log.status is not Status.FAILED:
            yield f"{books.brief(old)} was sent, and again by {books.brief(news[0])}"


def _agree(log: Log, old: LogId, books: Observations) -> Iterator[str]:
    """Check that a repeating delivery is noted on the old log, or was decided as settled."""
    brief, noted = books.brief(log.id), books.repeats.by.get(old) == log.id
    if log.resend_of != old:
        yield f"{brief} has forgotten that it repeats {books.brief(old)}"
    if log.outcome in DONE and not noted:
        yield f"{brief} ended {log.outcome}, and nothing says on {books.brief(old)} that it was to repeat it"
    stood = books.store.logs.get(old)
    free = stood and stood.status in {Status.UNKNOWN, Status.FAILED} and old not in books.repeats.by
    # A log that a receipt moved may have been `sent` when the chunk was written. A second expansion finds it failed and
    # notes the repeat although the chunk says that it is settled.
    was_moved = stood and stood.settled_by
    if log.outcome_reason is Reason.SETTLED and (noted or free) and not was_moved:
        yield f"{brief} ended as settled, and {books.brief(old)} was free for it"
