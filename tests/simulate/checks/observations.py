"""Observations of a running world (calls, publications, commits, claims), and checks at every step."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from consumer.events import Event
from consumer.kafka.record import KafkaRecord
from core.chunk_work import Window
from core.ids import ChunkId, LogId, RequestKey, log_id, position
from core.index_ranges import indices
from core.send_result import Failed, Message, Retry, Sent, Uncertain
from ledger.claims import ClaimResult, ClaimToken
from ledger.memory import MemoryLedger
from ledger.memory.store import ChunkDocument, Store
from ledger.models import Chunk, Log, StoredRequest
from ledger.tenant_port import StoredTenant, StoredTenantKey
from tests.simulate.actors.resend_plan import Repeats


class Published(NamedTuple):
    """Event as its readers see it."""

    at: float
    process: str
    topic: str
    key: str
    event: Event


class Call(NamedTuple):
    """Start of a provider call."""

    at: float
    delivery: str
    process: str
    provider: str


@dataclass
class Bound:
    """Maximum number of calls of a request that may start between two observed calls."""

    key: RequestKey
    most: int
    first: int
    end: int | None = None


@dataclass
class Troubles:
    """Interval in which a process may lose a lease without a fault of its own, in seconds."""

    spans: list[tuple[float, float]] = field(default_factory=list)

    def add(self, begin: float, end: float) -> None:
        self.spans.append((begin, end))

    def end(self, now: float) -> None:
        """End the open intervals now."""
        self.spans = [(begin, min(end, now)) for begin, end in self.spans]

    def touches(self, begin: float, end: float) -> bool:
        return any(one < end and begin < other for one, other in self.spans)

    def since(self, at: float) -> bool:
        return any(end >= at for _, end in self.spans)


class Observations:
    """Observations that the checker compares with ledger and events. `fail` receives each violation."""

    def __init__(self, ledger: MemoryLedger, now: Callable[[], float], fail: Callable[[str], None]) -> None:
        self.store: Store = ledger.chunks._store  # type: ignore[attr-defined]
        self.calls: list[Call] = []
        self.published: list[Published] = []
        self.dead_letters: set[str] = set()
        """Origins of the records in dead letters."""
        self.rejected: set[str] = set()
        """Origins of the records that were refused with an event."""
        self.doubted: set[str] = set()
        """Deliveries in windows that were open when their owner was killed, or was frozen for too long."""
        self.troubles: dict[str, Troubles] = {}
        self.replies_lost = Troubles()
        """Intervals in which the reply topic was missing or accepted nothing."""
        self.bounds: list[Bound] = []
        self.repeats = Repeats(self.store, fail, self.brief)
        self.on_call: Callable[[Message, ChunkDocument], None] | None = None
        """Further check at the start of a call."""
        self._owners: dict[ChunkId, tuple[str, int, float]] = {}
        self._now, self._fail = now, fail

    def trouble(self, process: str, seconds: float = 0.0) -> None:
        """Note that a process is disturbed for this long from now on."""
        self.troubles.setdefault(process, Troubles()).add(self._now(), self._now() + seconds)

    def killed(self, process: str) -> None:
        """Note that the deliveries in open windows of a process are in doubt from now on."""
        self.trouble(process, float("inf"))
        for document in self.store.open_chunks():
            if document.owner and document.owner.startswith(f"{process}."):
                self.doubted |= _in_window(document)

    def ordered(self, key: RequestKey, may_still_be_sent: int) -> None:
        """Note a cancel or a pause, and the number of sends that may still start."""
        request = self.store.requests[key].request
        if request.cancelled or request.control_flags.paused:
            self.bounds.append(Bound(key, may_still_be_sent, len(self.calls)))

    def resumed(self, key: RequestKey) -> None:
        """Note a resume, after which the request is sent again unless it was cancelled."""
        if not self.store.requests[key].request.cancelled:
            for bound in self.bounds:
                if bound.key == key and bound.end is None:
                    bound.end = len(self.calls)

    # ------------------------------------------------------------------ checks at every step

    def claimed(self, process: str, claimed: ClaimResult, lease_seconds: float) -> None:
        """Check a granted claim (I3)."""
        chunk, fence, now = claimed.chunk.id, claimed.token.fence, self._now()
        owner, before, since = self._owners.get(chunk, ("", 0, now))
        if fence < before or (fence == before and owner != process):
            self._fail(f"I3: the fence of {self.brief(chunk)} does not grow")
        self._owners[chunk] = process, fence, now
        if claimed.taken_over and fence > before:
            troubled = self.troubles.get(owner)
            if troubled is None or not troubled.since(min(since, now - 2 * lease_seconds)):
                self._fail(f"I3: {process} took {self.brief(chunk)} over from {owner}, which was well")
            self.doubted |= _in_window(self.store.chunks[chunk])

    def called(self, process: str, provider: str, message: Message) -> None:
        """Check at the start of a call that the caller owns the window and that it is stored (I3, I4)."""
        self.calls.append(Call(self._now(), message.id, process, provider))
        key, part, index = self.place(message.id)
        for document in self.store.chunks_of(key):  # type: ignore[arg-type]
            chunk = document.chunk
            if chunk.part == part and chunk.first <= index < chunk.first + chunk.size:
                if document.window is None or index not in indices(document.window.batch.ranges):
                    self._fail(f"I4: {self.brief(message.id)} is sent without an intent")
                elif not (document.owner or "").startswith(f"{process}."):
                    self._fail(f"I3: {self.brief(message.id)} is sent by {process}, which does not own it")
                elif document.window.provider != provider:
                    self._fail(f"I4: {self.brief(message.id)} is sent by another provider than the chosen one")
                self.repeats.called(LogId(message.id), chunk, index)
                if self.on_call:
                    self.on_call(message, document)
                return
        self._fail(f"I4: {self.brief(message.id)} is sent and in no chunk")

    def committed(self, record: KafkaRecord) -> None:
        """Check a committed offset of the intake (I1)."""
        if record.origin in self.dead_letters:
            return
        try:
            said = orjson.loads(record.value or b"")
            key = next(k for k, d in self.store.requests.items() if d.request.header.request_id == said["request_id"])
        except (orjson.JSONDecodeError, StopIteration):
            self._fail(f"I1: {record.origin} is committed, and nothing knows of it")
            return
        if said["part"] not in self.store.requests[key].request.expanded_parts:
            self._fail(f"I1: {record.origin} is committed, and its part is not counted")

    # ------------------------------------------------------------------ helpers

    def place(self, delivery: str) -> tuple[str, int, int]:
        found = position(delivery)
        if found is None:
            raise AssertionError("a delivery id that nobody made")
        return found

    def brief(self, identity: str) -> str:
        """Return a short form of an id for traces: r1/0/3."""
        found = _ID.fullmatch(identity)
        if not found:
            return identity
        document = self.store.requests.get(found[1])  # type: ignore[call-overload]
        name = document.request.header.request_id if document else "?"
        places = (f"/{int(found[2], 16)}/{int(found[3], 16)}") if found[2] else ""
        return f"{name}{places}"

    def brief_of(self, value: Any) -> str:
        """Describe arguments and answer of a step, without texts, addresses and values that a repeat changes."""
        match value:
            case str():
                return self.brief(value)
            case ClaimToken() | Chunk() | Log() | Message():
                return self.brief(value.chunk_id if isinstance(value, ClaimToken) else value.id) + _status(value)
            case ClaimResult():
                window = f" window {value.window.batch.ranges}" if value.window else ""
                return f"fence {value.token.fence}{window}{' taken over' if value.taken_over else ''}"
            case Window():
                return f"window {value.batch.ranges} at {value.provider}"
            case StoredRequest():
                return (
                    f"{value.header.request_id} counted {sorted(value.expanded_parts)}{' cancelled' * value.cancelled}"
                )
            case StoredTenant() | StoredTenantKey():  # a key is random
                return ""
            case tuple() | list():
                return " ".join(filter(None, map(self.brief_of, value)))
            case dict():
                return " ".join(map(str, value)) if not value else self.brief_of(list(value.values()))
            case bool() | int() | None | Sent() | Failed() | Retry() | Uncertain():
                return str(value)
            case _:
                return ""


def _status(value: object) -> str:
    return f"={value.outcome}" if isinstance(value, Log) else ""


_ID = re.compile(r"(?:chk_|log_|evt_)?([0-9a-hjkmnp-tv-z]{26})(?:([0-9a-f]{4})([0-9a-f]{5}))?o?")


def _in_window(document: ChunkDocument) -> set[str]:
    """Return the deliveries of the open window of a chunk."""
    if document.window is None:
        return set()
    chunk = document.chunk
    return {log_id(chunk.key, chunk.part, index) for index in indices(document.window.batch.ranges)}


def open_windows(store: Store) -> set[LogId]:
    """Return the deliveries of all open windows."""
    return {LogId(one) for document in store.open_chunks() for one in _in_window(document)}
