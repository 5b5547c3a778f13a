"""The reconciler: what was requested, what the provider took, what the logs say, what the events say."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import NoReturn

from core.ids import log_id
from schemas.results import DeliveryEvent, RequestCompleted
from schemas.statuses import OnUncertain
from tests.e2e.caller import Results
from tests.e2e.reconciliation import as_logged, roll, said, shown, tally
from tests.support.deployment import Deployment
from tests.torture.traffic import Order

NOT_SENT = frozenset({"failed", "cancelled", "expired", "suppressed"})


class DoesNotHold(Exception):  # noqa: N818  # says which promise was broken
    """What must hold under a fault does not."""

    def __init__(self, why: str, books: "Reconciliation | None" = None) -> None:
        super().__init__(why)
        self.books = books


@dataclass
class Reconciliation:
    """The four lists, compared; each set names deliveries by their log id."""

    requests: int = 0
    requested: int = 0
    accepted: int = 0
    """Calls that the provider took, repeats included."""
    lost: set[str] = field(default_factory=set)
    """Requested, and without a log; or called sent, and never taken by the provider."""
    duplicated: Counter[str] = field(default_factory=Counter)
    """How many times more than once the provider took it."""
    unknown: set[str] = field(default_factory=set)
    denied: set[str] = field(default_factory=set)
    """Taken by the provider, and called not sent; or decided beforehand, and ended otherwise."""
    unreported: set[str] = field(default_factory=set)
    """Without an outcome event, or with one that says something else than its log."""
    strange: set[str] = field(default_factory=set)
    """Taken or logged, and never requested."""
    wrong_counts: list[str] = field(default_factory=list)
    """Requests whose completion, or whose chunks, do not sum to their logs."""
    by_status: Counter[str] = field(default_factory=Counter)
    policies: dict[str, OnUncertain] = field(default_factory=dict)
    """Of each request, by its key."""
    doubts: Counter[str] = field(default_factory=Counter)
    """How often each delivery was in a window that was left open."""
    faults: int = 0
    notes: list[str] = field(default_factory=list)
    """Figures that a row adds, for the table."""

    def hold(self, *, duplicated: int = 0, unknown: int = 0, notes: str = "") -> None:
        """Nothing lost, denied, unreported, strange or miscounted, and at most so many of the others."""
        self.notes += [notes] if notes else []
        self.hold_always()
        if sum(self.duplicated.values()) > duplicated:
            self._broken("duplicated", self.duplicated, f"more than {duplicated}")
        if len(self.unknown) > unknown:
            self._broken("unknown", self.unknown, f"more than {unknown}")

    def hold_within_doubt(self) -> None:
        """As `hold_as_asked`, and what is unknown, or was sent twice, was in a window that its owner left open."""
        self.hold_as_asked()
        if certain := self.unknown - self.doubts.keys():
            self._broken("unknown", certain, "outside of every window left open")
        if certain := {found for found, more in self.duplicated.items() if more > self.doubts[found]}:
            self._broken("duplicated", certain, "more often than its window was left open")

    def hold_as_asked(self) -> None:
        """Nothing is unknown that asked to be sent again, and nothing was sent again that asked not to be."""
        self.hold_always()
        wanted = {"unknown": OnUncertain.RESEND, "duplicated": OnUncertain.MARK_UNKNOWN}
        for name, forbidden in wanted.items():
            if ids := [found for found in getattr(self, name) if self.policy_of(found) is forbidden]:
                self._broken(name, ids, f"although it asked for {forbidden.value}")

    def hold_always(self) -> None:
        """What every row holds."""
        for name in ("lost", "denied", "unreported", "strange", "wrong_counts"):
            if found := getattr(self, name):
                self._broken(name, found, "")

    def may_resend(self, delivery: str) -> bool:
        """Whether its request wants it sent again when in doubt."""
        return self.policy_of(delivery) is OnUncertain.RESEND

    def policy_of(self, delivery: str) -> OnUncertain:
        return self.policies[delivery[4:30]]

    def _broken(self, name: str, found: Collection[str], why: str) -> NoReturn:
        raise DoesNotHold(f"{len(found)} {name.replace('_', ' ')} {why}: {', '.join(sorted(found)[:3])}", self)


def reconcile(
    deployment: Deployment, results: Results, accepted: Iterable[str], orders: Iterable[Order], doubts: Counter[str]
) -> Reconciliation:
    """Compare the lists of all these orders."""
    orders, taken = list(orders), Counter(accepted)
    books = Reconciliation(requests=len(orders), accepted=taken.total(), doubts=doubts)
    known: set[str] = set()
    deployment.database["communication_logs"].create_index("request_id")  # only tests ask by it
    deployment.database["chunks"].create_index("request")
    for order in orders:
        books.policies[order.key] = order.on_uncertain
        known |= _reconcile_one(deployment, results, taken, order, books)
    books.strange |= taken.keys() - known
    books.duplicated = Counter({found: times - 1 for found, times in taken.items() if times > 1})
    return books


def _reconcile_one(
    deployment: Deployment, results: Results, taken: Counter[str], order: Order, books: Reconciliation
) -> set[str]:
    requested = {
        log_id(order.key, part, index): order.decided.get((part, index))
        for part, recipients in enumerate(order.parts)
        for index in range(len(recipients))
    }
    logs = {log["_id"]: as_logged(log) for log in roll(deployment, order.request_id).values()}
    books.requested += len(requested)
    books.strange |= logs.keys() - requested.keys()
    books.lost |= requested.keys() - logs.keys()
    events = {event.log_id: event for event in results.of(DeliveryEvent, order.request_id)}
    for found, log in logs.items():
        outcome, decided = log["outcome"], requested.get(found)
        books.by_status[outcome] += 1
        if outcome == "sent" and not taken[found]:
            books.lost.add(found)
        if outcome == "unknown":
            books.unknown.add(found)
        if (outcome in NOT_SENT and taken[found]) or (decided and outcome not in {decided, "cancelled", "expired"}):
            books.denied.add(found)
        if found not in events or shown(events[found]) != said(log):
            books.unreported.add(found)
    counts = tally((log["outcome"], log.get("reason")) for log in logs.values())
    _count(deployment, results, order, counts, books)
    return set(requested)


def _count(
    deployment: Deployment,
    results: Results,
    order: Order,
    counts: tuple[dict[str, int], dict[str, int]],
    books: Reconciliation,
) -> None:
    """Hold the completion, and the sum over the chunks, against the logs."""
    completed = results.of(RequestCompleted, order.request_id)
    told = [(event.total, event.by_status, event.by_reason, event.incomplete) for event in completed]
    summed: Counter[str] = Counter()
    still_open = 0
    for chunk in deployment.chunks(request=order.key):
        for name, number in chunk["counts"].items():
            summed[name.partition(":")[0]] += number
        still_open += chunk["open"]
    if told != [(order.total, *counts, False)] or summed != Counter(counts[0]) or still_open:
        books.wrong_counts.append(order.request_id)
