"""Stop, pause and outcome rules of one chunk."""

from datetime import datetime
from typing import NamedTuple

from consumer.context import ConsumerContext
from consumer.deliver.open_window import OpenWindow
from consumer.deliver.takeover_decisions import apply_takeover
from consumer.provider_choice import ProviderChoice
from core.delivery_outcome import NotSent, OutcomeRules
from core.send_result import Failed
from ledger.models import ControlFlags, RequestHeader
from ledger.tenant_port import is_reference
from schemas.statuses import Reason, Status

NOT_MAPPED = Failed(Reason.TEMPLATE_NOT_MAPPED, offered=False)
"""Result of the deliveries of a route of which no provider has a mapping of the template."""


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
    """Collects the rules that decide the outcomes of each window."""

    def __init__(self, header: RequestHeader, choice: ProviderChoice, context: ConsumerContext) -> None:
        self._header, self._choice, self._context = header, choice, context

    def outcome_rules(self, window: OpenWindow, stop: Stop | None) -> OutcomeRules:
        """Return the rules for the results of this window."""
        header, context, provider = self._header, self._context, self._choice.provider(window.provider)
        deduplicates = bool(provider and provider.deduplicates)
        intent = window.intent
        return OutcomeRules(
            on_uncertain=header.on_uncertain,
            provider=window.provider,
            deduplicates=deduplicates,
            sticky=window.is_pinned or (window.taken_over and deduplicates),
            refused_by=intent.batch.refused_by if intent else (),
            taken_over=window.taken_over,
            is_paid_before=window.is_pinned and deduplicates,
            another_takes_calls=intent is not None and self._choice.another_takes_calls(intent),
            is_withdrawn=provider is None and window.provider is not None and is_reference(window.provider),
            now=context.ledger.now(),
            retry=context.tuning.retry,
            jitter=context.random,
            stopped_as=stop.status if stop else Status.CANCELLED,
            stop_detail=stop.detail if stop else None,
        )

    async def unsendable(self, window: OpenWindow) -> Failed | NotSent | None:
        """Return the result of a window that no provider of its route can take, for want of a mapping.

        That is final, so the tenant is read again before. It may have added a provider that needs none.
        A window whose provider the tenant has taken back since it was chosen is put back, and chosen again.
        """
        if window.intent is None:
            return None
        if self._choice.lacks_mapping(window.intent):
            tenants = self._context.tenants
            await self._context.retry_until_available("read of a tenant", tenants.load_again, self._header.tenant_id)
            if self._choice.lacks_mapping(window.intent):
                return NOT_MAPPED
        return NotSent.DEFERRED if self._choice.has_moved(window.intent) else None

    def apply_takeover(self, window: OpenWindow, *, stopped: bool) -> None:
        """Decide what to do with deliveries that a previous owner may have sent and that have no log."""
        policy, most = self._header.on_uncertain, self._context.tuning.retry.max_attempts
        apply_takeover(window, self._choice.provider(window.provider), policy, stopped=stopped, max_attempts=most)
