"""Stop, pause, providers and outcome rules of one chunk."""

from datetime import datetime
from typing import NamedTuple

from consumer.context import ConsumerContext
from consumer.deliver.open_window import OpenWindow
from core.chunk_work import Batch
from core.delivery_outcome import OutcomeRules
from ledger.claims import pick_provider
from ledger.models import ControlFlags, RequestHeader
from providers.provider import Provider
from schemas.statuses import Status


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
        self._providers = context.providers.for_channel(header.channel)

    def provider(self, window: OpenWindow) -> Provider | None:
        """Return the provider of the window, if it has one and this process has its settings."""
        return self._context.providers.get(window.provider) if window.provider else None

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
            now=context.ledger.now(),
            retry=context.tuning.retry,
            jitter=context.random,
            stopped_as=stop.status if stop else Status.CANCELLED,
            stop_detail=stop.detail if stop else None,
        )
