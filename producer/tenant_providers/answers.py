"""Answers about own providers. They show no secret."""

from collections.abc import Iterable
from datetime import datetime

from ledger.errors import SealingError
from ledger.provider_configs import open_config
from ledger.sealing import Sealer
from ledger.tenant_port import StoredProvider, in_call_order
from providers.tenant_entries import redacted
from schemas.http_responses import PageInfo
from schemas.provider_configs import ProviderConfig, ProviderConfigListResponse
from schemas.query_parameters import ProviderFilter


def provider_config(stored: StoredProvider, tenant_id: str, sealer: Sealer) -> ProviderConfig:
    """Return a provider as its tenant sees it."""
    try:
        config = redacted(stored.name, open_config(stored, tenant_id, sealer))
    except SealingError:
        config = None
    return ProviderConfig(
        id=stored.id,
        channel=stored.channel,
        config=config,
        created_at=stored.created_at,
        is_active=stored.is_active,
        priority=stored.priority,
        provider=stored.name,
        tenant_id=tenant_id,
        updated_at=stored.updated_at,
    )


def list_answer(
    providers: Iterable[StoredProvider], query: ProviderFilter, tenant_id: str, sealer: Sealer, now: datetime
) -> ProviderConfigListResponse:
    """Return a page of the providers that match a query, by channel and in the order in which they are called."""
    matching = in_call_order(
        each
        for each in providers
        if query.channel in {None, each.channel} and query.is_active in {None, each.is_active}
    )
    end = query.page * query.page_size
    page = matching[end - query.page_size : end]
    total = len(matching)
    info = PageInfo(
        page=query.page,
        page_size=query.page_size,
        total=total,
        total_pages=-(-total // query.page_size),
        has_next=total > end,
        has_prev=query.page > 1,
    )
    items = [provider_config(each, tenant_id, sealer) for each in page]
    return ProviderConfigListResponse(code=200, items=items, message="ok", pagination=info, timestamp=now, total=total)
