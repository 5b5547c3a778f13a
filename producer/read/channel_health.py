"""Route for the state of a channel, as the consumers report it."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from ledger.provider_states import ProviderState
from producer.auth.token_verifier import READ
from producer.dependencies import Dependencies
from producer.responses import json_response
from schemas.channel_health import ChannelHealth, ChannelHealthResponse
from schemas.http_responses import SimpleResponse
from schemas.statuses import Channel, ChannelStatus

_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": SimpleResponse} for status in (400, 401, 403, 429, 500, 503)
}


def channel_health_routes(deps: Dependencies) -> APIRouter:
    """Return the route. Without a token it says only whether the channel is up."""
    router = APIRouter()

    @router.get("/communication/health/{channel}", response_model=ChannelHealthResponse, responses=_ERRORS)
    async def channel_health(channel: Channel, request: Request) -> Response:
        """Return whether the providers of a channel work. With `communication:read` it names those that fail."""
        is_reader = "authorization" in request.headers
        principal = await deps.gate.admit(request.headers, READ) if is_reader else None
        own = await deps.providers.own_problems(principal.tenant_id, channel) if principal else {}
        states = [] if own else await deps.providers.states(channel)
        problems = own or _problems([each for each in states if not principal or each.is_for(principal.tenant_id)])
        failing = {name: problem for name, problem in problems.items() if problem}
        health = ChannelHealth(
            channel=channel,
            status=_status(problems, failing),
            provider=", ".join(problems) if is_reader else "",
            message=". ".join(f"{name}: {problem}" for name, problem in failing.items()) if is_reader else "",
        )
        now = deps.clock.now()
        return json_response(ChannelHealthResponse(code=200, message="ok", timestamp=now, data=health))

    return router


def _problems(states: Sequence[ProviderState]) -> dict[str, str | None]:
    """Return the problem of each provider. It works if it works for one consumer."""
    by_name = defaultdict[str, list[str | None]](list)
    for state in states:
        by_name[state.name].append(state.problem)
    return {name: None if None in problems else problems[0] for name, problems in by_name.items()}


def _status(problems: dict[str, str | None], failing: dict[str, str]) -> ChannelStatus:
    if len(failing) == len(problems):  # none works, or there is none
        return ChannelStatus.DOWN
    return ChannelStatus.DEGRADED if failing else ChannelStatus.UP
