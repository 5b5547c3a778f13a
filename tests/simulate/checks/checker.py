"""Check after a run that ledger, events and independent observations agree (I1 to I8)."""

from collections import Counter, defaultdict
from collections.abc import Iterator

import orjson

from consumer.events import Event
from consumer.flow_control.reply_topic_health import RETRY_SECONDS
from core.ids import LogId, chunk_id, is_receipt_event_id
from ledger.models import Log, StoredRequest
from schemas.statuses import Channel, Reason, Status
from tests.simulate.checks.budget_checker import budget_findings
from tests.simulate.checks.observations import Published
from tests.simulate.checks.resend_checker import resend_findings
from tests.simulate.checks.secret_checker import secret_findings
from tests.simulate.scenario import TOPICS, Ask
from tests.simulate.stage import LEASE_SECONDS
from tests.simulate.world import World
from tests.support.builders import OUTCOMES

TRY_SECONDS = 1.0
"""Time that a try of a failed reply topic takes at most, in seconds. Other events go to the default topic meanwhile."""
ANSWER_SECONDS = 20.0 + RETRY_SECONDS
"""Time after an outage of the reply topic in which events may still go to the default topic, in seconds.

The process that publishes them may be frozen, or wait for its next try of the topic.
"""
NOT_SENT = {Status.FAILED, Status.CANCELLED, Status.EXPIRED, Status.SUPPRESSED}


class Checker:
    """Checks of one world after its end."""

    def __init__(self, world: World) -> None:
        self._world, self._books, self._store = world, world.books, world.books.store
        self._taken = Counter[str]()
        self._doubts = set(world.books.doubted)
        for side in world.all_sides:
            self._taken.update(side.taken)
            self._doubts |= side.doubts
        self._events: dict[str, Published] = {}
        self._first: dict[str, int] = {}

    def findings(self) -> Iterator[str]:
        """Return the errors as lines, or none."""
        yield from self._events_repeat_themselves()
        yield from resend_findings(self._world.scenario.asks, self._books, self._taken)
        yield from secret_findings(self._world)
        yield from budget_findings(self._world)
        for ask in self._world.scenario.asks:
            document = self._store.requests.get(ask.key)
            if document is None:
                yield from self._refused_wholly(ask)
            else:
                yield from self._request(ask, document.request)
        yield from self._orders()
        yield from self._topics()
        yield from self._nothing_else()
        yield from self._own_entries()
        yield from self._world.opt_outs.findings()
        if books := self._world.receipt_books:
            yield from books.findings({name: published.event for name, published in self._events.items()})

    # ------------------------------------------------------------------ events

    def _events_repeat_themselves(self) -> Iterator[str]:
        """Check that a repeated event is the same event (I6)."""
        for at, published in enumerate(self._books.published):
            event = published.event
            stood = self._events.setdefault(event.id, published)
            self._first.setdefault(event.id, at)
            if stood.event.body != event.body and not self._refused_anew(stood.event, event):
                yield f"I6: {event.id} was repeated with another content"

    def _refused_anew(self, one: Event, other: Event) -> bool:
        """Allow another reason for a record that is read again. A key may be missing, or the topic may be back."""
        if one.type != "request.rejected" or not (self._world.rotated or self._books.replies_lost.spans):
            return False
        bodies = [orjson.loads(event.body) for event in (one, other)]
        return all(bodies[0][name] == bodies[1][name] for name in ("request_id", "part", "occurred_at"))

    def _topics(self) -> Iterator[str]:
        """Check that events are on the reply topic of their request, or elsewhere only if that topic accepts none."""
        wanted = {ask.request_id: ask.reply_topic or TOPICS.results for ask in self._world.scenario.asks}
        took = defaultdict[str, list[float]](list)
        """Times of events on a reply topic, by process. A failed topic is remembered until a try has succeeded."""
        for at, process, topic, key, event in self._books.published:
            if topic == (TOPICS.results if event.type == "request.rejected" else wanted.get(key, TOPICS.results)):
                if topic != TOPICS.results:
                    took[process].append(at)
                continue
            last_took = max((time for time in took[process] if time < at - TRY_SECONDS), default=0.0)
            since = min(at - ANSWER_SECONDS, last_took)
            if topic != TOPICS.results or not self._books.replies_lost.touches(since, at):
                yield f"{self._books.brief(event.id)} was published to {topic}, and belongs on {wanted.get(key)}"

    # ------------------------------------------------------------------ a request

    def _request(self, ask: Ask, request: StoredRequest) -> Iterator[str]:
        logs = self._logs_of(ask)
        expected = self._expected(ask, request)
        for delivery in expected - logs.keys():
            yield f"I2: {self._books.brief(delivery)} is lost: it has no log"
        for delivery in logs.keys() - expected:
            yield f"I2: {self._books.brief(delivery)} has a log, and nobody asked for it"
        yield from self._completion(ask, request, logs)
        yield from self._parts(ask, request)
        for _, delivery, person in ask.people():
            if log := logs.get(delivery):
                yield from self._delivery(ask, log, person.decided)

    def _logs_of(self, ask: Ask) -> dict[LogId, Log]:
        return {log_id: log for log_id, log in self._store.logs.items() if log_id.startswith(f"log_{ask.key}")}

    def _expected(self, ask: Ask, request: StoredRequest) -> set[LogId]:
        """Return the deliveries that must have a log: those of expanded parts, and of written chunks of lost parts."""
        known = set[LogId]()
        for part, delivery, _ in ask.people():
            if part in request.expanded_parts:
                known.add(delivery)
            elif part in request.lost_parts:
                size = request.parts[part].chunk_size
                first = int(delivery[-5:], 16) // size * size
                if chunk_id(ask.key, part, first) in self._store.chunks:
                    known.add(delivery)
        return known

    def _completion(self, ask: Ask, request: StoredRequest, logs: dict[LogId, Log]) -> Iterator[str]:
        completion = request.completion
        if completion is None:
            yield f"I2: {ask.request_id} is not completed"
            return
        by_status = Counter(log.outcome.value for log in logs.values())
        by_reason = Counter(log.outcome_reason.value for log in logs.values() if log.outcome_reason)
        if dict(completion.by_status) != by_status or dict(completion.by_reason) != by_reason:
            yield f"I2: {ask.request_id} completed as {dict(completion.by_status)}, its logs say {dict(by_status)}"
        if completion.total != len(logs) or completion.incomplete != request.intake_closed:
            yield f"I2: {ask.request_id} completed with {completion.total} of {len(logs)}"
        ended = [e for e in self._of(ask) if e.event.type == "request.completed"]
        if len({e.event.id for e in ended}) != 1:
            yield f"I2: {ask.request_id} has {len(ended)} completions published"
            return
        said = orjson.loads(ended[0].event.body)
        if said["by_status"] != dict(completion.by_status) or said["incomplete"] != completion.incomplete:
            yield f"I2: {ask.request_id}'s completion says another thing than the ledger"
        last = self._first[ended[0].event.id]
        early = [
            e
            for e in self._of(ask)
            if self._first[e.event.id] > last
            and e.event.type != "request.rejected"
            and not is_receipt_event_id(e.event.id)
        ]
        if early:
            yield f"I2: {ask.request_id} was completed before {self._books.brief(early[0].event.id)} was said"

    def _of(self, ask: Ask) -> list[Published]:
        return [one for one in self._events.values() if one.key == ask.request_id]

    def _parts(self, ask: Ask, request: StoredRequest) -> Iterator[str]:
        """Check that each published part is expanded or its record was refused (I1)."""
        refused = self._refused_parts(ask)
        for part in range(len(ask.parts)):
            published = (ask.request_id, part) in self._world.published_parts
            if published and part not in request.expanded_parts and part not in refused:
                yield f"I1: part {part} of {ask.request_id} was published, and is neither counted nor refused"
        if request.intake_closed and not ask.lacks_parts and not refused:
            yield f"I1: {ask.request_id} was cut, and no part was missing"
        accepted = [e for e in self._of(ask) if e.event.type == "request.accepted"]
        if {orjson.loads(e.event.body)["part"] for e in accepted} < request.expanded_parts:
            yield f"I6: a counted part of {ask.request_id} was never said to be accepted"

    def _refused_parts(self, ask: Ask) -> set[int]:
        said = [orjson.loads(e.event.body) for e in self._of(ask) if e.event.type == "request.rejected"]
        return {one["part"] for one in said}

    def _refused_wholly(self, ask: Ask) -> Iterator[str]:
        for request_id, part in self._world.published_parts:
            if request_id == ask.request_id and part not in self._refused_parts(ask):
                yield f"I1: part {part} of {request_id} was published, and nothing came of it"

    # ------------------------------------------------------------------ a delivery

    def _delivery(self, ask: Ask, log: Log, decided: tuple[str, str] | None) -> Iterator[str]:
        brief, taken, outcome = self._books.brief(log.id), self._taken[log.id], log.outcome
        if outcome not in OUTCOMES or (
            log.status is not outcome and not (log.settled_by or log.id in self._books.repeats.settled)
        ):
            yield f"I6: {brief} ended as {outcome} and is {log.status}"
        yield from self._event_of(log)
        sure = decided and not (decided[1] == "duplicate" and (ask.lacks_parts or self._refused_parts(ask)))
        if sure and (outcome, log.outcome_reason) not in {decided, ("expired", "expired")}:
            yield f"{brief} must end {decided}, and ended {outcome}, {log.reason}"
        if outcome is Status.SENT and not taken:
            yield f"I4: {brief} is sent, and no provider took it"
        if outcome in NOT_SENT and taken:
            yield f"I4: {brief} is {outcome}, and a provider took it"
        if taken > 1 and (ask.on_uncertain == "mark_unknown" or log.id not in self._doubts):
            yield f"I4: {brief} was taken {taken} times"
        if outcome is Status.UNKNOWN and log.id not in self._doubts:
            yield f"I4: {brief} is unknown ({log.outcome_reason}), and nothing ever put it in doubt"
        if outcome is Status.CANCELLED and not ask.ordered("cancel"):
            yield f"{brief} is cancelled, and nobody cancelled"
        if log.outcome_reason is Reason.UNPROCESSABLE and not self._world.rotated:
            yield f"{brief} was given up, and everybody had every key"
        if outcome is Status.EXPIRED and ask.expires_at is None:
            yield f"{brief} is expired, and nothing was to expire"
        yield from self._times(ask, log)

    def _event_of(self, log: Log) -> Iterator[str]:
        """Check that there is one outcome event and that it agrees with the log (I6)."""
        published = self._events.get(f"evt_{log.id[4:]}o")
        if published is None:
            yield f"I6: {self._books.brief(log.id)} has a log and no event"
            return
        said = orjson.loads(published.event.body)
        reason = log.outcome_reason
        stands = [log.outcome.value, reason and reason.value, log.attempts, log.provider, log.recipient]
        if [said[name] for name in ("status", "reason", "attempts", "provider", "recipient")] != stands:
            yield f"I6: the event of {self._books.brief(log.id)} says another thing than its log"

    def _times(self, ask: Ask, log: Log) -> Iterator[str]:
        """Check that no call is too early, too late or repeated too often (I7, I8)."""
        calls = [call for call in self._books.calls if call.delivery == log.id]
        brief = self._books.brief(log.id)
        if ask.send_at is not None and any(call.at < ask.send_at - 0.001 for call in calls):
            yield f"I8: {brief} was called for before its send_at"
        if ask.expires_at is not None and any(call.at > ask.expires_at + LEASE_SECONDS for call in calls):
            yield f"I8: {brief} was called for after its expires_at"
        most = self._world.limits.retry.max_attempts
        if log.attempts > most:
            yield f"I7: {brief} has {log.attempts} attempts of {most}"
        if log.outcome_reason is Reason.GAVE_UP and not any(side.offered[log.id] for side in self._world.all_sides):
            yield f"I7: {brief} was given up, and was never offered to a provider"

    def _orders(self) -> Iterator[str]:
        """Check that after a cancel or a pause only open windows are sent."""
        for bound in self._books.bounds:
            calls = self._books.calls[bound.first : bound.end]
            sent = [call for call in calls if call.delivery.startswith(f"log_{bound.key}")]
            if len(sent) > bound.most:
                brief = self._books.brief(sent[-1].delivery)
                yield f"{brief} was sent after a cancel or a pause that left {bound.most}: {len(sent)} since"

    def _own_entries(self) -> Iterator[str]:
        """Check that no provider of the installation was asked while the tenant had an active one at any time."""
        own = self._world.own_entries
        if own and own.always:
            for side in self._world.sides:
                if side.channel is Channel.SMS and side.offered:
                    yield f"{side.name} was asked, and the tenant has providers of its own"

    # ------------------------------------------------------------------ deliveries without a request

    def _nothing_else(self) -> Iterator[str]:
        known = {delivery for ask in self._world.scenario.asks for _, delivery, _ in ask.people()}
        for delivery in self._taken.keys() - known:
            yield f"{self._books.brief(delivery)} was taken, and nobody asked for it"
        texts = defaultdict[str, set[str]](set)
        for side in self._world.all_sides:
            for delivery, (_, text) in side.texts.items():
                texts[delivery[4:30]].add(text)
        for said in texts.values():
            if len({text.split(" ")[0] for text in said}) > 1:
                yield "I5: one request says two things"
        for side in self._world.all_sides:
            if side.deduplicates and any(number > 1 for number in side.taken.values()):
                yield "the deduplicating provider does not"
        for error in self._world.errors:
            yield f"an error in the code: {error}"


def check(world: World) -> list[str]:
    """Return the errors of a world after its end."""
    return list(Checker(world).findings())
