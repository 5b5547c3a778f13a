"""Stop, pause, providers and outcome rules of one chunk."""

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from consumer.context import ConsumerContext
from consumer.deliver.open_window import OpenWindow
from consumer.deliver.takeover_decisions import apply_takeover
from core.chunk_work import Batch, Window
from core.delivery_outcome import OutcomeRules
from core.send_result import Failed
from ledger.claims import pick_provider
from ledger.models import ControlFlags, RequestHeader
from providers.provider import Provider
from schemas.statuses import Reason, Status

NOT_MAPPED = Failed(Reason.TEMPLATE_NOT_MAPPED, offered=False)
"""Result of all deliveries of a request whose template has a mapping for no provider of the channel."""


class Stop(NamedTuple):
    """The outcome of every delivery of a chunk that was not sent."""

    status: Status
    detail: str | None = None
    """Set if this owner gave up by itself. Another owner could still send."""


class StopState:
    """The stop and the pause of one chunk. The first stop counts."""

    def __init__(self, expires_at: datetime | None) -> None:
        self._expires_at = expires_at
        self.stop: Stop | None = None
        self.paused = False

    def apply(self, flags: ControlFlags) -> None:
        """Apply the control flags of the request."""
        self.paused = flags.paused
        if flags.cancelled:
            self.stop = self.stop or Stop(Status.CANCELLED)

    def check_expiry(self, now: datetime) -> None:
        """Stop a request that has expired."""
        if not self.stop and self._expires_at and now >= self._expires_at:
            self.stop = Stop(Status.EXPIRED)

    def fail(self, detail: str) -> None:
        """End what was not sent as failed, or as it was stopped before, with this detail."""
        self.stop = Stop(self.stop.status if self.stop else Status.FAILED, detail)


class ChunkRules:
    """Chooses the provider of each window, and collects the rules that decide its outcomes."""

    def __init__(self, header: RequestHeader, context: ConsumerContext) -> None:
        self._header, self._context = header, context
        configured, mapped = context.providers.for_channel(header.channel), header.vendor_templates
        self._providers = tuple(each for each in configured if not each.needs_vendor_template or each.name in mapped)
        self.unsendable = NOT_MAPPED if configured and not self._providers else None
        """Result if every provider of the channel needs a mapping of the template, and none has one."""

    def provider(self, window: OpenWindow) -> Provider | None:
        """Return the provider of the window, if this process has its settings and it can take the request."""
        return next((each for each in self._providers if each.name == window.provider), None)

    def correct_provider(self, claimed: OpenWindow, intent: Window) -> Window:
        """Return the intent of a claimed window with a provider that can take the request.

        A claim has not read the request, so it chooses among all providers of the channel. A window that may have been
        sent keeps its provider if that can take the request.
        """
        keeps = claimed.taken_over and self.provider(claimed) is not None
        if keeps or not self._providers:
            return intent
        return replace(intent, provider=self.choose_provider(intent.batch))

    def choose_provider(self, batch: Batch) -> str | None:
        """Return the provider for the next attempt. Each attempt goes to the next provider in turn, unless pinned."""
        return pick_provider(batch, self._context.provider_caller.turns(self._providers))

    def outcome_rules(self, window: OpenWindow, stop: Stop | None) -> OutcomeRules:
        """Return the rules for the results of this window."""
        header, context, provider = self._header, self._context, self.provider(window)
        deduplicates = bool(provider and provider.deduplicates)
        return OutcomeRules(
            on_uncertain=header.on_uncertain,
            provider=window.provider,
            deduplicates=deduplicates,
            sticky=window.is_pinned or (window.taken_over and deduplicates),
            providers=len(self._providers),
            another_is_reachable=self._another_is_reachable(window),
            now=context.ledger.now(),
            retry=context.tuning.retry,
            jitter=context.random,
            stopped_as=stop.status if stop else Status.CANCELLED,
            stop_detail=stop.detail if stop else None,
        )

    def apply_takeover(self, window: OpenWindow, *, stopped: bool) -> None:
        """Decide what to do with deliveries that a previous owner may have sent and that have no log."""
        policy, most = self._header.on_uncertain, self._context.tuning.retry.max_attempts
        apply_takeover(window, self.provider(window), policy, stopped=stopped, max_attempts=most)

    def _another_is_reachable(self, window: OpenWindow) -> bool:
        caller, names = self._context.provider_caller, [provider.name for provider in self._providers]
        return len(names) > 1 and any(name != window.provider and caller.is_reachable(name) for name in names)
