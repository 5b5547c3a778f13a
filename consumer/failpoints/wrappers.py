"""Ledger, bus and providers that tell a failpoint when its step is done. Only a process that has one is given them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, cast

from consumer.context import ConsumerContext
from consumer.failpoints.steps import Failpoint
from consumer.kafka.bus import Bus
from core.send_result import Sent
from ledger.ports import Ledger
from providers.provider import Provider
from providers.registry import Providers
from schemas.results import EventType
from schemas.statuses import Channel, Status

StepCondition = Callable[[tuple[Any, ...], Any], bool]
"""Given a call's arguments and its answer: whether the step was done."""


class StepTrigger(NamedTuple):
    """Which calls of which part are a step."""

    part: str
    calls: tuple[str, ...]
    means: StepCondition
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


STEP_TRIGGERS = {
    "expand_begin": StepTrigger("requests", ("register_part",), _always),
    "expand_insert": StepTrigger("chunks", ("insert",), _always),
    "expand_wake": StepTrigger("bus", ("publish_wake_up",), _always),
    "expand_accepted": StepTrigger("bus", ("publish_events",), _accepted),
    "expand_count": StepTrigger("requests", ("mark_part_expanded",), _always),
    "claim": StepTrigger("chunks", ("claim", "claim_due"), _granted),
    "first_send": StepTrigger("provider", ("send",), _sent),
    "last_send": StepTrigger("logs", ("insert_or_get",), _logs_of_sends, before=True),
    "log": StepTrigger("logs", ("insert_or_get",), _logs_of_sends),
    "publish": StepTrigger("bus", ("publish_events",), _outcomes),
    "advance": StepTrigger("chunks", ("advance",), _granted),
    "close": StepTrigger("chunks", ("close",), _granted),
    "complete": StepTrigger("requests", ("complete",), _granted),
    "announce": StepTrigger("requests", ("mark_completion_published",), _always),
}


class StepWatcher:
    """Passes every call on to what it stands before."""

    def __init__(self, inner: object, part: str, failpoint: Failpoint) -> None:
        self._inner, self._failpoint = inner, failpoint
        watch = STEP_TRIGGERS[failpoint.step]
        self._watch = watch if watch.part == part else None

    def __getattr__(self, name: str) -> Any:
        """What stands behind has it; a call that is the step is watched."""
        found, watch = getattr(self._inner, name), self._watch
        if watch is None or name not in watch.calls:
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            if watch.before and watch.means(args, None):
                self._failpoint.step_done()
            answer = await found(*args, **kwargs)
            if not watch.before and watch.means(args, answer):
                self._failpoint.step_done()
            return answer

        return call


class _WatchedLedger(StepWatcher):
    def __init__(self, inner: Ledger, failpoint: Failpoint) -> None:
        super().__init__(inner, "ledger", failpoint)
        self.requests = StepWatcher(inner.requests, "requests", failpoint)
        self.chunks = StepWatcher(inner.chunks, "chunks", failpoint)
        self.logs = StepWatcher(inner.logs, "logs", failpoint)


def with_failpoint(context: ConsumerContext, wanted: str) -> ConsumerContext:
    """The same tools, deadly after one step."""
    failpoint = Failpoint(wanted)
    providers = [
        cast("Provider", StepWatcher(provider, "provider", failpoint))
        for channel in Channel
        for provider in context.providers.for_channel(channel)
    ]
    return replace(
        context,
        ledger=cast("Ledger", _WatchedLedger(context.ledger, failpoint)),
        bus=cast("Bus", StepWatcher(context.bus, "bus", failpoint)),
        providers=Providers(providers),
    )
