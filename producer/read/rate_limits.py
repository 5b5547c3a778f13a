"""Routes that show the limits of the caller's tenant."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from core.tenant_limits import limits_in_effect
from ledger.ports import Ledger
from producer.auth.token_verifier import ADMIN, READ, Principal
from producer.caller import caller_with
from producer.dependencies import Dependencies
from producer.responses import json_response
from schemas.http_responses import SimpleResponse
from schemas.query_parameters import RateLimitFilter
from schemas.rate_limits import ChannelRateLimit, RateLimits, RateLimitsResponse
from schemas.statuses import Channel

_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": SimpleResponse} for status in (400, 401, 403, 429, 500, 503)
}


def rate_limit_routes(deps: Dependencies) -> APIRouter:
    """Return the routes, bound to the parts of the service."""
    router = APIRouter()

    @router.get("/communication/rate-limits", response_model=RateLimitsResponse, responses=_ERRORS)
    async def read_rate_limits(
        principal: Annotated[Principal, Depends(caller_with(deps, READ, RateLimitFilter))],
        query: Annotated[RateLimitFilter, Query()],
    ) -> Response:
        """Return the limits of the caller's tenant, by channel."""
        return await _rate_limits(deps, principal, query.channel)

    @router.get("/admin/communication/rate-limits", response_model=RateLimitsResponse, responses=_ERRORS)
    async def read_rate_limits_as_admin(
        principal: Annotated[Principal, Depends(caller_with(deps, ADMIN, RateLimitFilter))],
        query: Annotated[RateLimitFilter, Query()],
    ) -> Response:
        """Return the limits of the caller's tenant, by channel. The token needs the scope of an administrator."""
        return await _rate_limits(deps, principal, query.channel)

    return router


async def _rate_limits(deps: Dependencies, principal: Principal, channel: Channel | None) -> Response:
    providers = {each: await _first_provider(deps, principal.tenant_id, each) for each in Channel}

    async def read(ledger: Ledger) -> RateLimits:
        tenant = await ledger.tenants.get(principal.tenant_id)
        own = {each: tenant.active_providers(each) for each in Channel}
        by_channel = {
            each.value: ChannelRateLimit(
                max_per_min=limits.minute,
                max_per_hour=limits.hour,
                max_per_day=limits.day,
                provider=own[each][0].name if own[each] else providers[each],
                tenant_id=principal.tenant_id,
            )
            for each in Channel
            if channel in (None, each)
            for limits in [limits_in_effect(tenant.settings.limits, deps.settings.tenant_bounds, each)]
        }
        return RateLimits(**by_channel)

    limits = await deps.gateway.query(read)
    return json_response(RateLimitsResponse(code=200, data=limits, message="ok", timestamp=deps.clock.now()))


async def _first_provider(deps: Dependencies, tenant_id: str, channel: Channel) -> str | None:
    states = await deps.providers.states(channel)
    return next((state.name for state in states if state.is_for(tenant_id)), None)
