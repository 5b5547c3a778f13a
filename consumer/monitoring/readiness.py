"""Readiness of this process, based on progress and not on a ping of the broker."""

import contextlib
from collections.abc import Callable, Iterator, Mapping

LEDGER_SECONDS = 8.0
"""Maximum time since the last answer of MongoDB, in seconds."""
BUS_SECONDS = 15.0
"""Maximum time since the last answer of Kafka, in seconds."""
STUCK_SECONDS = 90.0
"""Maximum time of a record in its handler without progress of its kind, in seconds, plus the longest provider call."""
SUBSCRIPTION_GRACE_SECONDS = 75.0
"""Maximum time of a subscription without consumer or group, in seconds. It is longer than a rebalance may take."""
WARNING_SECONDS = 900.0
"""Time that a warning is reported, in seconds. It is longer than the pause between two claims of a chunk that waits."""
WARNINGS = ("sealing_keys", "providers")
"""Names of what may be missing although the process is ready."""
READ_PROBLEM = "reading fails"
"""Beginning of a problem of a subscription that counts at once. A rebalance does not cause it."""
EXPAND = "expand"
"""Kind of work of the expansion."""
SETTLE = "settle"
"""Kind of work of the receipts. The other kinds are the lanes."""


class ReadinessTracker:
    """Tracker of the last progress of each part. It reports the problems that make the process not ready.

    Full slots are not a problem. While any record of a kind makes progress, the others count as waiting, not as stuck.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        longest_call_seconds: float = 0.0,
        provider_problem: Callable[[], str | None] | None = None,
    ) -> None:
        self._monotonic, self._patience = monotonic, STUCK_SECONDS + longest_call_seconds
        self._provider_problem = provider_problem
        self._ledger_at = self._bus_at = float("-inf")
        self._busy: dict[object, tuple[str, str, float]] = {}
        self._progress_at: dict[str, float] = {}
        self._broken: dict[str, tuple[float, str]] = {}
        self._active_lanes: dict[str, float] = {}
        self._held: dict[str, str] = {}
        self._unparsed: set[str] = set()
        self._warned: dict[tuple[str, str], float] = {}
        self._subscribed = self._stopping = False
        self._can_publish = self._sweeper_running = self._wake_ups_running = True

    @property
    def subscribed(self) -> bool:
        """Return whether the process is a member of its groups."""
        return self._subscribed

    def groups_joined(self) -> None:
        """Note that the process joined its groups."""
        self._subscribed = True

    def stop_began(self) -> None:
        """Note that the process leaves its groups because it stops."""
        self._subscribed, self._stopping = False, True

    def update_loops(self, *, can_publish: bool, sweeper_running: bool, wake_ups_running: bool) -> None:
        """Note whether Kafka takes what is published, and whether the sweeper and the wake-up loop still run."""
        self._can_publish, self._sweeper_running, self._wake_ups_running = (
            can_publish,
            sweeper_running,
            wake_ups_running,
        )

    def ledger_answered(self) -> None:
        """Note an answer of MongoDB."""
        self._ledger_at = self._monotonic()

    def bus_answered(self) -> None:
        """Note an answer of Kafka."""
        self._bus_at = self._monotonic()

    def record_progress(self, *kinds: str) -> None:
        """Note progress of these kinds: EXPAND, or a lane."""
        self._progress_at.update(dict.fromkeys(kinds, self._monotonic()))

    def set_lane_active(self, lane: str, *, some: bool) -> None:
        """Note whether this process has running chunks of a lane. The probe calls this every few seconds."""
        if some:
            self._active_lanes.setdefault(lane, self._monotonic())
        else:
            self._active_lanes.pop(lane, None)

    def update_subscriptions(self, problems: Mapping[str, str | None]) -> None:
        """Note the problem of each subscription by topic, or None. A problem counts after a grace period."""
        now = self._monotonic()
        since = {topic: at for topic, (at, _) in self._broken.items()}
        self._broken = {topic: (since.get(topic, now), problem) for topic, problem in problems.items() if problem}

    def intake_paused(self, topic: str, reason: str) -> None:
        """Note that no more records of a topic are expanded."""
        self._held[topic] = reason

    def warn(self, name: str, problem: str) -> bool:
        """Note a problem that stops some of the work. `name` is one of WARNINGS. Return whether the problem is new."""
        is_new = not self._is_recent(name, problem)
        self._warned[name, problem] = self._monotonic()
        return is_new

    def _is_recent(self, name: str, problem: str) -> bool:
        return self._monotonic() - self._warned.get((name, problem), float("-inf")) < WARNING_SECONDS

    @contextlib.contextmanager
    def working_on(self, kind: str, topic: str) -> Iterator[None]:
        """Note that a record of a topic is being processed, or waits for its turn, during the block."""
        record = object()
        self._busy[record] = topic, kind, self._monotonic()
        try:
            yield
        finally:
            del self._busy[record]
            self.record_progress(kind)

    @contextlib.contextmanager
    def stepping_over(self, origin: str, problem: str | None) -> Iterator[None]:
        """Note that a record was not parsed, and that the block keeps its bytes. Without a problem, note nothing."""
        noted = {f"{origin} {problem}"} if problem else set()
        self._unparsed |= noted
        try:
            yield
        finally:
            self._unparsed -= noted

    def is_busy(self, topic: str) -> bool:
        """Return whether a record of this topic is being processed, or waits for its turn."""
        return any(topic == its_topic for its_topic, _, _ in self._busy.values())

    def problems(self) -> dict[str, str | None]:
        """Return the problem of each dependency and each loop by name, or None."""
        now = self._monotonic()
        return {
            "kafka": None if now - self._bus_at < BUS_SECONDS else "does not answer",
            "mongodb": None if now - self._ledger_at < LEDGER_SECONDS else "does not answer",
            "subscriptions": self._subscription_problems(now)
            if self._subscribed
            else "given up"
            if self._stopping
            else "not yet",
            "progress": self._stuck(now),
            "publishing": None if self._can_publish else "Kafka answers pings but does not acknowledge records",
            "sweeper": None if self._sweeper_running else "has ended",
            # The public key. It means the wake-up queue.
            "calls": None if self._wake_ups_running else "the loop that serves wake-up messages has ended",
            "intake": ". ".join(f"{topic} is held: {reason}" for topic, reason in sorted(self._held.items())) or None,
        }

    def warnings(self) -> dict[str, str | None]:
        """Return the problem of each optional dependency by name, or None. The process stays ready."""
        failing = self._provider_problem() if self._provider_problem else None
        recent = [warned for warned in self._warned if self._is_recent(*warned)]
        recent += [("providers", failing)] if failing else []
        return {name: ". ".join(sorted(problem for its, problem in recent if its == name)) or None for name in WARNINGS}

    def _subscription_problems(self, now: float) -> str | None:
        problems = [
            f"{topic}: {problem}"
            for topic, (since, problem) in self._broken.items()
            if now - since > SUBSCRIPTION_GRACE_SECONDS or problem.startswith(READ_PROBLEM)
        ]
        problems += self._unparsed
        return ". ".join(sorted(problems)) or None

    def _stuck(self, now: float) -> str | None:
        stuck = {
            topic
            for topic, kind, since in self._busy.values()
            if topic not in self._held and now - max(since, self._progress_at.get(kind, since)) > self._patience
        }
        stuck |= {
            f"chunks of the {lane} lane"
            for lane, since in self._active_lanes.items()
            if now - max(since, self._progress_at.get(lane, since)) > self._patience
        }
        return f"stuck: {', '.join(sorted(stuck))}" if stuck else None

    @property
    def ready(self) -> bool:
        """Return whether there is no problem."""
        return not any(self.problems().values())
