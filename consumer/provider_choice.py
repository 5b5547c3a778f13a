"""Choice of the deliveries and of the provider of each window of one request."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from consumer.context import ConsumerContext
from consumer.flow_control.tenant_cache import OwnProviders
from core.chunk_work import Batch, WaitingDelivery, Window, Work
from core.next_batch import GroupOf, keep_one_group, prepare_release, take_next_batch
from core.routes import Route, RouteTable, Target
from ledger.models import RequestHeader
from ledger.tenant_port import StoredProvider
from providers.provider import Provider
from schemas.requests import BulkRequest
from schemas.statuses import Channel


class _Offer(NamedTuple):
    """Providers that may send the request now, by name and in their order. The name of an own one is its reference."""

    table: RouteTable
    configured: tuple[str, ...]
    able: tuple[str, ...]
    """Those that can take the text of the request."""
    unmapped: frozenset[str]
    """Those that cannot take it, for want of a mapping."""
    own: Mapping[str, StoredProvider]
    """Entries of the tenant by reference. Empty if the providers of the installation serve."""


class ProviderChoice:
    """Providers of one request: those of the tenant, or those of the installation by its routes.

    `address_of` returns the normalised address of a delivery by its index. The caller has loaded the tenant
    (`ConsumerContext.load_tenant`).
    """

    def __init__(self, header: RequestHeader, address_of: Callable[[int], str], context: ConsumerContext) -> None:
        self._header, self._address_of, self._context = header, address_of, context
        self._window_size = context.tuning.window_size
        self._takes_calls = context.provider_caller.takes_calls
        self._read = self._read_providers()
        self._last_offer = _offer_of(header, context)

    @property
    def _offer(self) -> _Offer:
        """Return what serves now. It is found again only if the tenant has changed its providers."""
        read = self._read_providers()
        if read is not self._read:
            self._read, self._last_offer = read, _offer_of(self._header, self._context)
        return self._last_offer

    def _read_providers(self) -> OwnProviders | None:
        known = self._context.tenants.known(self._header.tenant_id)
        return known and known.providers

    def provider(self, name: str | None) -> Provider | None:
        """Return the provider, if this process has its settings and it can take the request."""
        offer = self._offer
        if name is None or name not in offer.able:
            return None
        if stored := offer.own.get(name):
            return self._context.tenant_providers.get(self._header.tenant_id, stored)
        return self._context.providers.get(name)

    def lacks_mapping(self, window: Window) -> bool:
        """Return whether no provider of the window's route can take the request, for want of a mapping."""
        offer = self._offer
        targets = self._route(window.batch).among(offer.configured).targets
        return bool(targets) and all(target.provider in offer.unmapped for target in targets)

    def has_moved(self, window: Window) -> bool:
        """Return whether other providers serve the window now, and its own does not any more."""
        is_served = window.batch.pinned_provider or window.provider in self._offer.able
        return not is_served and self._choose(window.batch) is not None

    def another_takes_calls(self, window: Window) -> bool:
        """Return whether another provider of the route may be asked at once, after a refusal of the window's."""
        return any(name != window.provider for name in self._open(window.batch))

    async def next_window(self, work: Work) -> tuple[Window | None, Work]:
        """Return the next window, and the work without it. Its deliveries share a route."""
        await self._context.load_tenant(self._header.tenant_id)
        now = self._context.ledger.now()
        batch, rest = take_next_batch(work, now, self._window_size, self._group_of)
        return (Window(batch, self._choose(batch)) if batch else None), rest

    def released(self, work: Work, *, is_scheduled: bool = False) -> tuple[Work, datetime | None]:
        """Return the work of a chunk without an owner, with batch and provider of its next claim, and its due date.

        If the claim is not due now, it does not matter which providers take calls now.
        """
        left, due_at = prepare_release(work, self._window_size, self._header.expires_at, self._group_of)
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
            if group_of := self._group_of:
                batch, others = keep_one_group(batch, self._context.ledger.now(), group_of)
            keeps = intent.provider in self._open(batch)
        provider = intent.provider if keeps else self._choose(batch) or intent.provider
        return replace(intent, batch=batch, provider=provider), others

    def _choose(self, batch: Batch, *, may_wait: bool = False) -> str | None:
        """Return the provider for a batch: the one that is pinned, or one that has not refused it and takes calls.

        If none takes calls, or with `may_wait`, it is one that may take them later.
        """
        if batch.pinned_provider:
            return batch.pinned_provider
        able = self._offer.able
        route = self._route(batch).among(able)
        left = route.among(name for name in able if name not in batch.refused_by)
        candidates = left if left.targets else route
        takes_calls = candidates.among(filter(self._takes_calls, able))
        return (takes_calls if takes_calls.targets and not may_wait else candidates).pick(self._context.random)

    def _open(self, batch: Batch) -> list[str]:
        """Return the providers that may be asked now: those that take calls and have not refused the batch."""
        if batch.pinned_provider:
            return [batch.pinned_provider]
        names = (target.provider for target in self._route(batch).among(self._offer.able).targets)
        return [name for name in names if name not in batch.refused_by and self._takes_calls(name)]

    @property
    def _group_of(self) -> GroupOf | None:
        return None if self._offer.table.only_route else self._route_of

    def _route(self, batch: Batch) -> Route:
        return self._offer.table.only_route or self._route_of(batch.ranges[0][0])

    def _route_of(self, index: int) -> Route:
        return self._offer.table.route_of(self._address_of(index))


def own_providers_of(tenant_id: str, channel: Channel, context: ConsumerContext) -> OwnProviders | None:
    """Return the active providers that a tenant has for a channel itself. None if this process cannot know them."""
    known = context.tenants.known(tenant_id)
    if known is None or known.providers is None:
        return None
    return tuple(each for each in known.providers if each.channel is channel)


async def load_tenant_of(request: RequestHeader | BulkRequest, context: ConsumerContext) -> None:
    """Read the settings and the own providers of a tenant, before one of its providers is chosen for a request.

    They are read anew if the request names a provider that is not known. Another process may know it already.
    """
    tenant_id, name = request.tenant_id, request.provider
    await context.load_tenant(tenant_id)
    if name is not None and not has_provider(tenant_id, request.channel, name, context):
        await context.retry_until_available("read of a tenant", context.tenants.load_again, tenant_id)


def has_provider(tenant_id: str, channel: Channel, name: str, context: ConsumerContext) -> bool:
    """Return whether a request may name a provider. It may name any if the tenant's own ones cannot be known."""
    own = own_providers_of(tenant_id, channel, context)
    if own == ():
        return name in _installed_providers(tenant_id, channel, context)
    return own is None or any(each.name == name for each in own)


def all_have_unsubscribe_uri(header: RequestHeader, context: ConsumerContext) -> bool:
    """Return whether each provider that may send a request has a URI for List-Unsubscribe in its entry."""
    offer = _offer_of(header, context)
    names = offer.table.providers & set(offer.able)
    return bool(names) and all(_has_unsubscribe_uri(name, offer, header, context) for name in names)


def _has_unsubscribe_uri(name: str, offer: _Offer, header: RequestHeader, context: ConsumerContext) -> bool:
    stored = offer.own.get(name)
    if stored is None:
        return name in context.providers.with_unsubscribe_uri
    own = context.tenant_providers.get(header.tenant_id, stored)
    return own is not None and own.has_unsubscribe_uri


def _installed_providers(tenant_id: str, channel: Channel, context: ConsumerContext) -> dict[str, Provider]:
    """Return the providers of the installation that a tenant may use for a channel, by name and in their order."""
    may_use = context.routes.may_use
    return {each.name: each for each in context.providers.for_channel(channel) if may_use(each.name, tenant_id)}


def _offer_of(header: RequestHeader, context: ConsumerContext) -> _Offer:
    """Return what serves a request now. The providers of the installation serve only a tenant that has none itself."""
    own = own_providers_of(header.tenant_id, header.channel, context)
    if own == ():
        return _offer_of_installation(header, context)
    return _offer_of_tenant(header, own or (), context)


def _offer_of_tenant(header: RequestHeader, own: OwnProviders, context: ConsumerContext) -> _Offer:
    """Return the own providers of a tenant, in the order of their priority. One that cannot be opened takes nothing."""
    opened = {each.reference: context.tenant_providers.get(header.tenant_id, each) for each in own}
    unmapped = frozenset(
        each.reference
        for each in own
        if (provider := opened[each.reference])
        and provider.needs_vendor_template
        and each.name not in header.vendor_templates
    )
    able = tuple(name for name, provider in opened.items() if provider and name not in unmapped)
    named = [each.reference for each in own if header.provider in (None, each.name)]
    route = Route(tuple(Target(name, at) for at, name in enumerate(named)))
    stored = {each.reference: each for each in own}
    return _Offer(RouteTable(header.channel, route), tuple(opened), able, unmapped, stored)


def _offer_of_installation(header: RequestHeader, context: ConsumerContext) -> _Offer:
    """Return the providers of the installation. Without a route, those of the channel follow in their order."""
    configured = _installed_providers(header.tenant_id, header.channel, context)
    unmapped = frozenset(
        name for name, each in configured.items() if each.needs_vendor_template and name not in header.vendor_templates
    )
    default = Route(tuple(Target(name, at) for at, name in enumerate(configured)))
    table = context.routes.table(header.channel, header.tenant_id, header.category, default)
    if header.provider:
        table = RouteTable(header.channel, Route((Target(header.provider),)))
    able = tuple(name for name in configured if name not in unmapped)
    return _Offer(table, tuple(configured), able, unmapped, {})
