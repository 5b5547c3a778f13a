"""Wrappers of ledger, bus and providers that count a step. Only a process with a failpoint uses them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, cast

from consumer.context import ConsumerContext
from consumer.failpoints.steps import Failpoint
from consumer.kafka.bus import Bus
from core.ids import is_receipt_event_id
from core.send_result import Sent
from ledger.ports import Ledger
from providers.provider import Provider
from providers.registry import Providers
from schemas.results import EventType
from schemas.statuses import Channel, Status

StepCondition = Callable[[tuple[Any, ...], Any], bool]
"""Function of the arguments and the result of a call. It returns whether the call was the step."""


class StepTrigger(NamedTuple):
    """Calls that are a step."""

    part: str
    calls: tuple[str, ...]
    is_step: StepCondition
    before: bool = False
    """True if the step is just before the call. Then there is no result to check."""


def _always(_args: tuple[Any, ...], _answer: Any) -> bool:
    return True


def _granted(_args: tuple[Any, ...], answer: Any) -> bool:
    return answer is not None and answer is not False


def _is_sent(_args: tuple[Any, ...], answer: Any) -> bool:
    return any(isinstance(result, Sent) for result in answer)


def _has_sent_log(args: tuple[Any, ...], _answer: Any) -> bool:
    return any(log.outcome is Status.SENT for log in args[0])


def _has_outcome(args: tuple[Any, ...], _answer: Any) -> bool:
    return any(event.type.startswith("delivery.") and not is_receipt_event_id(event.id) for event in args[2])


def _has_receipt(args: tuple[Any, ...], _answer: Any) -> bool:
    return any(is_receipt_event_id(event.id) for event in args[2])


def _has_accepted(args: tuple[Any, ...], _answer: Any) -> bool:
    return any(event.type == EventType.REQUEST_ACCEPTED for event in args[2])


STEP_TRIGGERS = {
    "expand_begin": StepTrigger("requests", ("register_part",), _always),
    "expand_insert": StepTrigger("chunks", ("insert",), _always),
    "expand_wake": StepTrigger("bus", ("publish_wake_up",), _always),
    "expand_accepted": StepTrigger("bus", ("publish_events",), _has_accepted),
    "expand_count": StepTrigger("requests", ("mark_part_expanded",), _always),
    "expand_small": StepTrigger("requests", ("insert_small", "insert_small_claimed"), _granted),
    "claim": StepTrigger("chunks", ("claim", "claim_due"), _granted),
    "reserve": StepTrigger("requests", ("reserve",), _granted),
    "first_send": StepTrigger("provider", ("send",), _is_sent),
    "last_send": StepTrigger("logs", ("insert_or_get",), _has_sent_log, before=True),
    "log": StepTrigger("logs", ("insert_or_get",), _has_sent_log),
    "publish": StepTrigger("bus", ("publish_events",), _has_outcome),
    "advance": StepTrigger("chunks", ("advance",), _granted),
    "close": StepTrigger("chunks", ("close",), _granted),
    "complete": StepTrigger("requests", ("complete",), _granted),
    "close_small": StepTrigger("requests", ("close_small",), _granted),
    "announce": StepTrigger("requests", ("mark_completion_published",), _always),
    "keep_receipt": StepTrigger("receipts", ("keep",), _always),
    "settle": StepTrigger("logs", ("settle",), _granted),
    "receipt_event": StepTrigger("bus", ("publish_events",), _has_receipt),
}


class StepWatcher:
    """Wrapper that forwards all calls to its inner object and counts the step."""

    def __init__(self, inner: object, part: str, failpoint: Failpoint) -> None:
        self._inner, self._failpoint = inner, failpoint
        trigger = STEP_TRIGGERS[failpoint.step]
        self._trigger = trigger if trigger.part == part else None

    def __getattr__(self, name: str) -> Any:
        """Return the attribute of the inner object. A call that may be the step is wrapped."""
        attribute, trigger = getattr(self._inner, name), self._trigger
        if trigger is None or name not in trigger.calls:
            return attribute

        async def call(*args: Any, **kwargs: Any) -> Any:
            if trigger.before and trigger.is_step(args, None):
                self._failpoint.step_done()
            answer = await attribute(*args, **kwargs)
            if not trigger.before and trigger.is_step(args, answer):
                self._failpoint.step_done()
            return answer

        return call


class _WatchedLedger(StepWatcher):
    def __init__(self, inner: Ledger, failpoint: Failpoint) -> None:
        super().__init__(inner, "ledger", failpoint)
        self.requests = StepWatcher(inner.requests, "requests", failpoint)
        self.chunks = StepWatcher(inner.chunks, "chunks", failpoint)
        self.logs = StepWatcher(inner.logs, "logs", failpoint)
        self.receipts = StepWatcher(inner.receipts, "receipts", failpoint)


def with_failpoint(context: ConsumerContext, setting: str) -> ConsumerContext:
    """Return the context with wrappers that kill the process after one step."""
    failpoint = Failpoint(setting)

    def watched(provider: Provider) -> Provider:
        return cast("Provider", StepWatcher(provider, "provider", failpoint))

    context.tenant_providers.wrap_built(watched)
    providers = [watched(provider) for channel in Channel for provider in context.providers.for_channel(channel)]
    return replace(
        context,
        ledger=cast("Ledger", _WatchedLedger(context.ledger, failpoint)),
        bus=cast("Bus", StepWatcher(context.bus, "bus", failpoint)),
        providers=Providers(providers, context.providers.prices, context.providers.with_unsubscribe_uri),
    )
