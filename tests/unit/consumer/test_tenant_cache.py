"""Cache of tenants: what a window that was begun may use, and what a choice of a provider must know."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from consumer.flow_control.tenant_cache import MAX_AGE_SECONDS, KnownTenant, TenantCache
from ledger.errors import LedgerRefused, LedgerUnavailable
from ledger.tenant_port import StoredProvider, StoredTenant, StoredTenantKey
from schemas.statuses import Channel
from schemas.tenant_settings import TenantLimits, TenantSettings
from tests.support.virtual_time import run_in_virtual_time

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def a_provider(name: str, priority: int = 100, *, is_active: bool = True) -> StoredProvider:
    return StoredProvider(f"prv_{name}", name, Channel.SMS, priority, is_active, 1, b"sealed", NOW, NOW)


class Store:
    """Tenants of a ledger. Each read gives a new object, as MongoDB does."""

    def __init__(self) -> None:
        self.providers: list[StoredProvider] = []
        self.key: StoredTenantKey | None = None
        self.error: Exception | None = None
        self.reads = 0

    async def get(self, _: str) -> StoredTenant:
        self.reads += 1
        await asyncio.sleep(0.002)
        if self.error:
            raise self.error
        providers = tuple(each._replace(name=each.name) for each in self.providers)
        return StoredTenant(TenantSettings(), 1, providers, self.key)


def with_cache(test: Callable[[Store, TenantCache], Awaitable[None]]) -> None:
    async def run() -> None:
        store: Any = Store()
        await test(store, TenantCache(store, TenantLimits(), asyncio.get_running_loop().time))

    run_in_virtual_time(run())


def known(cache: TenantCache) -> KnownTenant:
    found = cache.known("t1")
    assert found is not None
    return found


def test_only_active_providers_are_known_in_the_order_of_their_priority() -> None:
    async def test(store: Store, cache: TenantCache) -> None:
        store.providers = [a_provider("b", 2), a_provider("off", 0, is_active=False), a_provider("a", 1)]
        await cache.load_current("t1")
        assert [each.name for each in known(cache).providers or ()] == ["a", "b"]

    with_cache(test)


def test_the_providers_are_the_same_object_until_they_change() -> None:
    """A choice compares them at each window."""

    async def test(store: Store, cache: TenantCache) -> None:
        store.providers = [a_provider("a")]
        await cache.load_current("t1")
        first = known(cache).providers
        await asyncio.sleep(MAX_AGE_SECONDS)
        await cache.load_current("t1")
        assert store.reads == 2
        assert known(cache).providers is first

        store.providers = [a_provider("a")._replace(version=2)]
        await asyncio.sleep(MAX_AGE_SECONDS)
        await cache.load_current("t1")
        assert known(cache).providers is not first

    with_cache(test)


def test_while_mongodb_is_away_a_window_goes_on_and_no_provider_is_chosen() -> None:
    async def test(store: Store, cache: TenantCache) -> None:
        store.providers = [a_provider("a")]
        await cache.load_current("t1")
        before = known(cache).providers
        store.error = LedgerUnavailable("away")
        for _ in range(3):
            await asyncio.sleep(MAX_AGE_SECONDS)
            await cache.load("t1")
            assert known(cache).providers is before
            with pytest.raises(LedgerUnavailable):
                await cache.load_current("t1")

    with_cache(test)


def test_of_a_document_that_is_not_valid_no_provider_is_known() -> None:
    async def test(store: Store, cache: TenantCache) -> None:
        store.providers = [a_provider("a")]
        await cache.load_current("t1")
        store.error = LedgerRefused("not valid")
        await asyncio.sleep(MAX_AGE_SECONDS)
        await cache.load_current("t1")
        assert known(cache).providers is None

    with_cache(test)


def test_the_key_of_a_tenant_stays_known_while_its_document_is_not_valid() -> None:
    async def test(store: Store, cache: TenantCache) -> None:
        store.key = StoredTenantKey("k", b"sealed", NOW)
        await cache.load_current("t1")
        store.error = LedgerRefused("not valid")
        await asyncio.sleep(MAX_AGE_SECONDS)
        await cache.load_current("t1")
        assert known(cache).key == store.key

    with_cache(test)
