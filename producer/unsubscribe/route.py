"""`/communication/unsubscribe/{token}`: GET shows a page with a button, and POST unsubscribes (RFC 8058)."""

import hashlib
import math
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import HTMLResponse

from core.unsubscribe import PATH
from producer.auth.rate_limit import RateLimit
from producer.dependencies import Dependencies
from producer.errors import ApiError, TooManyCallsError, UnavailableError
from producer.unsubscribe.find_link import FoundLink, LinkFinder
from producer.unsubscribe.page import HTML, choose_language, done_page, invalid_page, later_page, question_page
from producer.unsubscribe.record import record_opt_out

CALLS_PER_SECOND, BURST_SECONDS = 1, 10
"""Rate at which one link may be posted, in calls per second, and the time whose calls may come at once, in seconds."""

_PAGE: dict[str, Any] = {"content": {HTML: {"schema": {"type": "string"}}}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    404: {"description": "The link was changed, is not complete, or has expired.", **_PAGE},
    429: {"description": "The link was posted too often.", **_PAGE},
    503: {"description": "Nothing was recorded. The same call may be made again.", **_PAGE},
}
_BODY = {
    "requestBody": {
        "description": "What RFC 8058 sends. The POST itself is the wish, so the body is not read.",
        "required": False,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {"type": "object"},
                "examples": {"one_click": {"value": {"List-Unsubscribe": "One-Click"}}},
            }
        },
    }
}


class UnsubscribeEndpoint:
    """Answers calls of recipients and of their mail clients, bound to the parts of the service."""

    def __init__(self, deps: Dependencies) -> None:
        self._deps = deps
        self._finder = LinkFinder(deps.gateway, deps.sealer, deps.clock, deps.settings.unsubscribe_days)
        self._posts = RateLimit(CALLS_PER_SECOND, BURST_SECONDS)

    async def show(self, request: Request, token: str) -> Response:
        """Return the page with the button. Nothing changes, because programs that check links fetch them."""
        return await self._respond(request, token, acts=False)

    async def unsubscribe(self, request: Request, token: str) -> Response:
        """Record the opt-out, and return the page that says so."""
        return await self._respond(request, token, acts=True)

    async def _respond(self, request: Request, token: str, *, acts: bool) -> Response:
        accepted = request.headers.get("accept-language", "")
        try:
            found = await self._finder.find(token)
            if found is None:  # The language of an expired link would tell it from others.
                return invalid_page(choose_language(None, accepted))
            if acts:
                await self._record(found, token)
        except (UnavailableError, TooManyCallsError) as error:
            return _later(error, accepted)
        language = choose_language(found.content.language, accepted)
        return done_page(language) if acts else question_page(language)

    async def _record(self, found: FoundLink, token: str) -> None:
        key, now = hashlib.blake2b(token.encode(), digest_size=16).digest(), self._deps.clock.monotonic()
        if seconds := self._posts.seconds_until_next(key, now):
            raise TooManyCallsError("the link was posted too often", math.ceil(seconds))
        self._posts.count(key, now)
        await record_opt_out(self._deps, found)


def unsubscribe_routes(deps: Dependencies) -> APIRouter:
    """Return the routes. They need no token of a caller, because the link is the proof."""
    router, endpoint = APIRouter(), UnsubscribeEndpoint(deps)
    path = f"{PATH}{{token:path}}"  # any text that follows gets the same answer

    @router.get(path, response_class=HTMLResponse, responses=_RESPONSES)
    async def show_unsubscribe_page(request: Request, token: str) -> Response:
        """Show a page with a button to unsubscribe. Nothing changes."""
        return await endpoint.show(request, token)

    @router.post(path, response_class=HTMLResponse, responses=_RESPONSES, openapi_extra=_BODY)
    async def unsubscribe(request: Request, token: str) -> Response:
        """Unsubscribe the recipient of the link, from a button or with one click (RFC 8058). A repeat is harmless."""
        return await endpoint.unsubscribe(request, token)

    router.add_api_route(path, endpoint.show, methods=["HEAD"], include_in_schema=False, name="head_unsubscribe_page")
    return router


def _later(error: ApiError, accepted: str) -> Response:
    return later_page(choose_language(None, accepted), error.status, error.headers)
