"""Providers and outcome rules of one chunk."""

from consumer.context import ConsumerContext
from consumer.deliver.open_window import OpenWindow
from consumer.deliver.stop_state import Stop
from core.chunk_work import Batch
from core.delivery_outcome import OutcomeRules
from ledger.models import RequestHeader
from providers.provider import Provider
from schemas.statuses import Status


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
        providers = self._providers
        return batch.pinned_provider or (providers[batch.attempts % len(providers)].name if providers else None)

    def outcome_rules(self, window: OpenWindow, stop: Stop | None) -> OutcomeRules:
        """Return the rules for the results of this window."""
        header, context, provider = self._header, self._context, self.provider(window)
        draw = context.random()
        deduplicates = bool(provider and provider.deduplicates)
        return OutcomeRules(
            on_uncertain=header.on_uncertain,
            provider=window.provider,
            deduplicates=deduplicates,
            sticky=window.is_pinned or (window.taken_over and deduplicates),
            providers=len(self._providers),
            started_at=max(header.accepted_at, header.send_at or header.accepted_at),
            now=context.ledger.now(),
            retry=context.tuning.retry,
            jitter=lambda: draw,
            stopped_as=stop.status if stop else Status.CANCELLED,
            stop_detail=stop.detail if stop else None,
        )
