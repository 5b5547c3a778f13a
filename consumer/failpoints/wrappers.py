"""Ledger, bus and providers that tell a failpoint when its step is done. Only a process that has one is given them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, cast

from consumer.context import Tools
from consumer.failpoints.steps import Failpoint
from consumer.kafka.bus import Bus
from core.send_result import Sent
from ledger.ports import Ledger
from providers.provider import Provider
from providers.registry import Providers
from schemas.results import EventType
from schemas.statuses import Channel, Status

Means = Callable[[tuple[Any, ...], Any], bool]
"""Given a call's arguments and its answer: whether the step was done."""


class Watch(NamedTuple):
    """Which calls of which part are a step."""

    part: str
    calls: tuple[str, ...]
    means: Means
    before: bool = False
    """The step was done just before the call; there is no answer to look at."""


def _always(_args: tuple[Any, ...], _answer: Any) -> bool:
    return True


def _granted(_args: tuple[Any, ...], answer: Any) -> bool:
    return answer is not None and answer is not False


def _sent(_args: tuple[Any, ...], answer: Any) -> bool:
    return isinstance(answer, Sent)


def _logs_of_sends(args: tuple[Any, ...], _answer: Any) -> bool:
    return any(log.outcome is Status.SENT for log in args[0])


def _outcomes(args: tuple[Any, ...], _answer: Any) -> bool:
    return any(event.type.startswith("delivery.") for event in args[2])


def _accepted(args: tuple[Any, ...], _answer: Any) -> bool:
    return any(event.type == EventType.REQUEST_ACCEPTED for event in args[2])


WATCHES = {
    "expand_begin": Watch("requests", ("register_part",), _always),
    "expand_insert": Watch("chunks", ("insert",), _always),
    "expand_wake": Watch("bus", ("wake",), _always),
    "expand_accepted": Watch("bus", ("publish",), _accepted),
    "expand_count": Watch("requests", ("mark_part_expanded",), _always),
    "claim": Watch("chunks", ("claim", "claim_due"), _granted),
    "first_send": Watch("provider", ("send",), _sent),
    "last_send": Watch("logs", ("insert_or_get",), _logs_of_sends, before=True),
    "log": Watch("logs", ("insert_or_get",), _logs_of_sends),
    "publish": Watch("bus", ("publish",), _outcomes),
    "advance": Watch("chunks", ("advance",), _granted),
    "close": Watch("chunks", ("close",), _granted),
    "complete": Watch("requests", ("complete",), _granted),
    "announce": Watch("requests", ("mark_completion_published",), _always),
}


class Watched:
    """Passes every call on to what it stands before."""

    def __init__(self, inner: object, part: str, failpoint: Failpoint) -> None:
        self._inner, self._failpoint = inner, failpoint
        watch = WATCHES[failpoint.step]
        self._watch = watch if watch.part == part else None

    def __getattr__(self, name: str) -> Any:
        """What stands behind has it; a call that is the step is watched."""
        found, watch = getattr(self._inner, name), self._watch
        if watch is None or name not in watch.calls:
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            if watch.before and watch.means(args, None):
                self._failpoint.passed()
            answer = await found(*args, **kwargs)
            if not watch.before and watch.means(args, answer):
                self._failpoint.passed()
            return answer

        return call


class _WatchedLedger(Watched):
    def __init__(self, inner: Ledger, failpoint: Failpoint) -> None:
        super().__init__(inner, "ledger", failpoint)
        self.requests = Watched(inner.requests, "requests", failpoint)
        self.chunks = Watched(inner.chunks, "chunks", failpoint)
        self.logs = Watched(inner.logs, "logs", failpoint)


def with_failpoint(tools: Tools, wanted: str) -> Tools:
    """The same tools, deadly after one step."""
    failpoint = Failpoint(wanted)
    providers = [
        cast("Provider", Watched(provider, "provider", failpoint))
        for channel in Channel
        for provider in tools.providers.for_channel(channel)
    ]
    return replace(
        tools,
        ledger=cast("Ledger", _WatchedLedger(tools.ledger, failpoint)),
        bus=cast("Bus", Watched(tools.bus, "bus", failpoint)),
        providers=Providers(providers),
    )
