"""Routes for the consents of a tenant. No address is in a URL, and none is shown whole."""

from collections.abc import Iterable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from core.addresses import AddressRules
from core.consents import Consent
from core.ids import suppression_range
from core.record_time import truncate_to_milliseconds
from ledger.consent_key import ConsentKey
from ledger.consent_port import StoredConsent
from ledger.consenting import consenting_address, record_consents
from ledger.ports import Ledger
from ledger.suppressing import InvalidSuppressionError
from producer.auth.token_verifier import CONSENTS, Principal
from producer.caller import caller_with
from producer.consents.answers import shown_consent
from producer.dependencies import Dependencies
from producer.errors import BadRequestError
from producer.http.body_errors import parse_body
from producer.responses import json_response
from producer.suppressions.access import normalise, query, tenant_key_for_additions, tenant_key_for_reads
from producer.suppressions.routes import MAX_BODY_BYTES, errors
from schemas.consents import ConsentAddition, ConsentAnswer, ConsentListResponse, ConsentResponse, ConsentWithdrawal
from schemas.query_parameters import ConsentFilter
from schemas.statuses import Category, Channel
from schemas.suppressions import SuppressedRecipient

PATH = "/communication/consents"
RECORDED = "recorded. Windows that open from now on may be sent to the address."
WITHDRAWN = "withdrawn for all windows that open from now on. A window that is open may still be sent once."
ERASED = "(erased)"
"""Text in place of an address whose person had its data erased."""

_RULES = {channel: AddressRules(channel, None) for channel in Channel}


def consent_routes(deps: Dependencies) -> APIRouter:
    """Return the routes, bound to the parts of the service."""
    router = APIRouter()
    _add_read_routes(router, deps)
    _add_write_routes(router, deps)
    return router


def _add_read_routes(router: APIRouter, deps: Dependencies) -> None:
    @router.get(PATH, response_model=ConsentListResponse, responses=errors())
    async def list_consents(
        principal: Annotated[Principal, Depends(caller_with(deps, CONSENTS, ConsentFilter))],
        filters: Annotated[ConsentFilter, Query()],
    ) -> Response:
        """List recorded consents, those that were withdrawn too, in no order that has a meaning."""
        key = await _key_for_reads(deps, principal)
        if key is None:
            return _list_response(deps, [])
        first, before = suppression_range(key.key_id, filters.channel)
        after = max(first, f"{key.key_id}{filters.after or ''}")
        limit = filters.page_size + 1
        read = partial(_list_range, after=after, before=before, limit=limit)
        found = await query(deps, read)
        page = found[: filters.page_size]
        following = page[-1].id.removeprefix(key.key_id) if len(found) == limit else None
        return _list_response(deps, (_shown_stored(each, key) for each in page), following)

    @router.post(f"{PATH}/search", response_model=ConsentListResponse, responses=errors(408, 413, 415))
    async def search_consents(
        request: Request, principal: Annotated[Principal, Depends(caller_with(deps, CONSENTS))]
    ) -> Response:
        """Return the consents of one address. The body keeps it out of URLs."""
        async with deps.body_reader.read(request, principal.tenant_id, MAX_BODY_BYTES) as raw:
            body = parse_body(SuppressedRecipient, bytes(raw))
        address, key = normalise(body, deps), await _key_for_reads(deps, principal)
        if key is None:
            return _list_response(deps, [])
        ids = [name for category in Category for name in key.ids_of(body.channel, category, [address])]
        found = await query(deps, lambda ledger: ledger.consents.get_many(ids))
        return _list_response(deps, (_shown_stored(found[each], key) for each in ids if each in found))


def _add_write_routes(router: APIRouter, deps: Dependencies) -> None:
    manager = Annotated[Principal, Depends(caller_with(deps, CONSENTS))]

    @router.post(PATH, response_model=ConsentAnswer, responses=errors(408, 413, 415))
    async def record_consent(request: Request, principal: manager) -> Response:
        """Record a consent. The first record of a tenant takes 8 s, until all consumers look for it."""
        async with deps.body_reader.read(request, principal.tenant_id, MAX_BODY_BYTES) as raw:
            body = parse_body(ConsentAddition, bytes(raw))
        try:
            new = consenting_address(body, deps.settings.default_region, deps.clock.now())
        except InvalidSuppressionError as error:
            raise BadRequestError(str(error)) from None
        key = ConsentKey(await tenant_key_for_additions(deps, principal.tenant_id))
        await query(deps, lambda ledger: record_consents(ledger, key, [new]))
        return await _answer(deps, key, body, new.address, RECORDED)

    @router.post(f"{PATH}/withdraw", response_model=ConsentAnswer, responses=errors(408, 413, 415))
    async def withdraw_consent(request: Request, principal: manager) -> Response:
        """Withdraw the consent of an address to a category, also one that was never recorded."""
        async with deps.body_reader.read(request, principal.tenant_id, MAX_BODY_BYTES) as raw:
            body = parse_body(ConsentWithdrawal, bytes(raw))
        address = normalise(body, deps)
        key = ConsentKey(await tenant_key_for_additions(deps, principal.tenant_id))
        subject = key.subject(body.channel, body.category, address)
        now = truncate_to_milliseconds(deps.clock.now())
        await query(deps, lambda ledger: ledger.consents.withdraw(subject, now))
        return await _answer(deps, key, body, address, WITHDRAWN)


async def _key_for_reads(deps: Dependencies, principal: Principal) -> ConsentKey | None:
    key = await tenant_key_for_reads(deps, principal.tenant_id)
    return ConsentKey(key) if key else None


async def _list_range(ledger: Ledger, *, after: str, before: str, limit: int) -> list[StoredConsent]:
    return await ledger.consents.list_range(after, before, limit)


async def _answer(deps: Dependencies, key: ConsentKey, body: ConsentWithdrawal, address: str, message: str) -> Response:
    """Return the response with what is recorded now."""
    ids = key.ids_of(body.channel, body.category, [address])
    found = await query(deps, lambda ledger: ledger.consents.get_many(ids))
    consent = found[ids[0]].consent if ids[0] in found else Consent()
    data = shown_consent(body.channel, body.category, _RULES[body.channel].mask(address, address), consent)
    return json_response(ConsentAnswer(code=200, message=message, timestamp=deps.clock.now(), data=data))


def _list_response(deps: Dependencies, items: Iterable[ConsentResponse], following: str | None = None) -> Response:
    now = deps.clock.now()
    return json_response(ConsentListResponse(code=200, message="ok", timestamp=now, items=list(items), next=following))


def _shown_stored(stored: StoredConsent, key: ConsentKey) -> ConsentResponse:
    """Return a consent with its address masked, or without the address of a person whose data was erased."""
    channel, category, address = key.open(stored)
    recipient = ERASED if address is None else _RULES[channel].mask(address, address)
    return shown_consent(channel, category, recipient, stored.consent)
