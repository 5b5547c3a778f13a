"""Choice of the deliveries and of the provider of each window of one request."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from consumer.context import ConsumerContext
from core.chunk_work import Batch, WaitingDelivery, Window, Work
from core.next_batch import keep_one_group, prepare_release, take_next_batch
from core.routes import Route, RouteTable, Target
from ledger.models import RequestHeader
from providers.provider import Provider
from schemas.statuses import Channel


class ProviderChoice:
    """Providers of one request: those of its routes that can take its text.

    `address_of` returns the normalised address of a delivery by its index.
    """

    def __init__(self, header: RequestHeader, address_of: Callable[[int], str], context: ConsumerContext) -> None:
        self._expires_at, self._address_of, self._context = header.expires_at, address_of, context
        self._configured = providers_of(header.tenant_id, header.channel, context)
        self._able = {
            name: each
            for name, each in self._configured.items()
            if not each.needs_vendor_template or name in header.vendor_templates
        }
        self._table = _table_of(header, tuple(self._configured), context)
        self._group_of = None if self._table.only_route else self._route_of
        self._window_size = context.tuning.window_size
        self._takes_calls = context.provider_caller.takes_calls

    def provider(self, name: str | None) -> Provider | None:
        """Return the provider, if this process has its settings and it can take the request."""
        return self._able.get(name) if name else None

    def lacks_mapping(self, window: Window) -> bool:
        """Return whether no provider of the window's route can take the request, for want of a mapping."""
        route = self._route(window.batch)
        return bool(route.among(self._configured).targets) and not route.among(self._able).targets

    def another_takes_calls(self, window: Window) -> bool:
        """Return whether another provider of the route may be asked at once, after a refusal of the window's."""
        return any(name != window.provider for name in self._open(window.batch))

    def next_window(self, work: Work, now: datetime) -> tuple[Window | None, Work]:
        """Return the next window, and the work without it. Its deliveries share a route."""
        batch, rest = take_next_batch(work, now, self._window_size, self._group_of)
        return (Window(batch, self._choose(batch)) if batch else None), rest

    def released(self, work: Work, *, is_scheduled: bool = False) -> tuple[Work, datetime | None]:
        """Return the work of a chunk without an owner, with batch and provider of its next claim, and its due date.

        If the claim is not due now, it does not matter which providers take calls now.
        """
        left, due_at = prepare_release(work, self._window_size, self._expires_at, self._group_of)
        if left.next:
            provider = self._choose(left.next, may_wait=is_scheduled or due_at is not None)
            left = replace(left, next=replace(left.next, provider=provider))
        return left, due_at

    def corrected(self, intent: Window, *, taken_over: bool) -> tuple[Window, tuple[WaitingDelivery, ...]]:
        """Return the intent of a claimed window as it may be sent, and the deliveries that go into other windows.

        The routes may have changed since its batch was chosen, and its provider may take no calls now. A window that
        may have been sent keeps its provider if that can take the request.
        """
        others: tuple[WaitingDelivery, ...] = ()
        batch = intent.batch
        if taken_over:
            keeps = self.provider(intent.provider) is not None
        else:
            if self._group_of:
                batch, others = keep_one_group(batch, self._context.ledger.now(), self._group_of)
            keeps = intent.provider in self._open(batch)
        provider = intent.provider if keeps else self._choose(batch) or intent.provider
        return replace(intent, batch=batch, provider=provider), others

    def _choose(self, batch: Batch, *, may_wait: bool = False) -> str | None:
        """Return the provider for a batch: the one that is pinned, or one that has not refused it and takes calls.

        If none takes calls, or with `may_wait`, it is one that may take them later.
        """
        if batch.pinned_provider:
            return batch.pinned_provider
        route = self._route(batch).among(self._able)
        left = route.among(name for name in self._able if name not in batch.refused_by)
        candidates = left if left.targets else route
        takes_calls = candidates.among(filter(self._takes_calls, self._able))
        return (takes_calls if takes_calls.targets and not may_wait else candidates).pick(self._context.random)

    def _open(self, batch: Batch) -> list[str]:
        """Return the providers that may be asked now: those that take calls and have not refused the batch."""
        if batch.pinned_provider:
            return [batch.pinned_provider]
        names = (target.provider for target in self._route(batch).among(self._able).targets)
        return [name for name in names if name not in batch.refused_by and self._takes_calls(name)]

    def _route(self, batch: Batch) -> Route:
        return self._table.only_route or self._route_of(batch.ranges[0][0])

    def _route_of(self, index: int) -> Route:
        return self._table.route_of(self._address_of(index))


def providers_of(tenant_id: str, channel: Channel, context: ConsumerContext) -> dict[str, Provider]:
    """Return the providers of a channel that a tenant may use, by name and in their order."""
    may_use = context.routes.may_use
    return {each.name: each for each in context.providers.for_channel(channel) if may_use(each.name, tenant_id)}


def _table_of(header: RequestHeader, configured: tuple[str, ...], context: ConsumerContext) -> RouteTable:
    """Return the routes of a request. Without a rule, the providers of the channel follow in their order."""
    if header.provider:
        return RouteTable(header.channel, Route((Target(header.provider),)))
    default = Route(tuple(Target(name, at) for at, name in enumerate(configured)))
    return context.routes.table(header.channel, header.tenant_id, header.category, default)
