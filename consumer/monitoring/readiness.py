"""Whether this process gets anywhere: what readiness looks at instead of the broker's ping."""

import contextlib
from collections.abc import Callable, Iterator, Mapping

LEDGER_SECONDS = 8.0
BUS_SECONDS = 15.0
STUCK_SECONDS = 90.0
"""How long a record may be in its handler while nothing of its kind moves, beyond the longest call to a provider."""
SUBSCRIPTION_GRACE_SECONDS = 75.0
"""How long a subscription may be without its consumer or its group: longer than a rebalance may take."""
MISSING_KEY_WARNING_SECONDS = 900.0
"""How long a missing key is told: longer than a chunk that it sealed is left alone."""
EXPAND = "expand"
"""The kind of work that is not a lane's deliveries."""


class ReadinessTracker:
    """Notes the last sign of life of each part; answers why the process is not ready.

    A full house is none: as long as something of a kind moves, its records wait and are not stuck.
    """

    def __init__(self, monotonic: Callable[[], float], longest_call_seconds: float = 0.0) -> None:
        self._monotonic, self._patience = monotonic, STUCK_SECONDS + longest_call_seconds
        self._ledger_at = self._bus_at = float("-inf")
        self._busy: dict[object, tuple[str, str, float]] = {}
        self._moved: dict[str, float] = {}
        self._deaf: dict[str, tuple[float, str]] = {}
        self._in_hand: dict[str, float] = {}
        self._held: dict[str, str] = {}
        self._lacking: tuple[float, str] | None = None
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
        """MongoDB answered."""
        self._ledger_at = self._monotonic()

    def bus_answered(self) -> None:
        """Kafka answered."""
        self._bus_at = self._monotonic()

    def record_progress(self, *kinds: str) -> None:
        """Work of these kinds got on: EXPAND, or a lane."""
        self._moved.update(dict.fromkeys(kinds, self._monotonic()))

    def set_lane_active(self, lane: str, *, some: bool) -> None:
        """Whether this process has chunks of a lane in hand; asked every few seconds."""
        if some:
            self._in_hand.setdefault(lane, self._monotonic())
        else:
            self._in_hand.pop(lane, None)

    def update_subscriptions(self, troubles: Mapping[str, str | None]) -> None:
        """What ails the subscriptions, by topic; None: nothing. A trouble counts once it lasts."""
        now = self._monotonic()
        since = {topic: at for topic, (at, _) in self._deaf.items()}
        self._deaf = {topic: (since.get(topic, now), said) for topic, said in troubles.items() if said}

    def intake_paused(self, topic: str, why: str) -> None:
        """No more is taken of a topic from now on."""
        self._held[topic] = why

    def sealing_key_missing(self, said: str) -> None:
        """A chunk could not be opened for want of a sealing key."""
        self._lacking = self._monotonic(), said

    @contextlib.contextmanager
    def working_on(self, kind: str, topic: str) -> Iterator[None]:
        """While a record of a topic is worked on, or waits for its turn."""
        record = object()
        self._busy[record] = topic, kind, self._monotonic()
        try:
            yield
        finally:
            del self._busy[record]
            self.record_progress(kind)

    def is_busy(self, topic: str) -> bool:
        """Whether a record of this topic is worked on, or waits for its turn."""
        return any(topic == its_topic for its_topic, _, _ in self._busy.values())

    def problems(self) -> dict[str, str | None]:
        """Each dependency and each loop by name: what is wrong with it, or None."""
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
            "publishing": None if self._can_publish else "Kafka answers, and takes nothing of what is published",
            "sweeper": None if self._sweeper_running else "has ended",
            "calls": None if self._wake_ups_running else "the loop that serves wake-up calls has ended",
            "intake": "; ".join(f"{topic} is held: {why}" for topic, why in sorted(self._held.items())) or None,
        }

    def warnings(self) -> dict[str, str | None]:
        """What is wrong by name, or None, and does not decide: the process goes on with all the rest."""
        lately = self._lacking and self._monotonic() - self._lacking[0] < MISSING_KEY_WARNING_SECONDS
        return {"sealing_keys": self._lacking[1] if self._lacking and lately else None}

    def _subscription_problems(self, now: float) -> str | None:
        lasting = [
            f"{topic}: {said}"
            for topic, (since, said) in self._deaf.items()
            if now - since > SUBSCRIPTION_GRACE_SECONDS
        ]
        return "; ".join(sorted(lasting)) or None

    def _stuck(self, now: float) -> str | None:
        stuck = {
            topic
            for topic, kind, since in self._busy.values()
            if topic not in self._held and now - max(since, self._moved.get(kind, since)) > self._patience
        }
        stuck |= {
            f"chunks of the {lane} lane"
            for lane, since in self._in_hand.items()
            if now - max(since, self._moved.get(lane, since)) > self._patience
        }
        return f"stuck: {', '.join(sorted(stuck))}" if stuck else None

    @property
    def ready(self) -> bool:
        """Whether everything is well."""
        return not any(self.problems().values())
