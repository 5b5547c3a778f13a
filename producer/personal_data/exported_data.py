"""Data about a person, page by page."""

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

from core.ids import category_of_id
from ledger.consent_key import ConsentKey
from ledger.erasure_orders import Person
from ledger.models import Log
from ledger.plain_recipients import plain_recipients
from ledger.ports import Ledger
from ledger.queries import LogPage, LogQuery, position_of_log
from ledger.rendered_messages import iterate_messages
from ledger.tenant_key import open_tenant_key
from producer.auth.token_verifier import USER_ADDRESSES, Principal
from producer.consents.answers import shown_consent
from producer.dependencies import Dependencies
from producer.read.log_items import log_item
from producer.read.shown_text import ShownText
from producer.suppressions.access import key_for_reads, query
from producer.suppressions.answers import shown_entries
from producer.suppressions.pages import in_force
from schemas.consents import ConsentResponse
from schemas.personal_data import ExportedDelivery
from schemas.suppressions import SuppressionResponse

DELIVERIES_AT_ONCE = 25
"""Number of deliveries that are in memory, each with its whole text."""


async def exported_deliveries(
    deps: Dependencies, principal: Principal, person: Person
) -> AsyncIterator[list[ExportedDelivery]]:
    """Yield the deliveries of a user or to a recipient in pages, at least one. Raises UnavailableError."""
    user_id = person.value if person.channel is None else None
    wanted = LogQuery(
        principal.tenant_id,
        user_id,
        recipient_hashes=person.hashes(deps.sealer),
        page_size=DELIVERIES_AT_ONCE,
        count_limit=0,
    )
    while True:
        page, deliveries = await query(deps, partial(_read_page, deps, principal, person, wanted))
        yield deliveries
        if not page.has_more:
            return
        wanted = replace(wanted, after=position_of_log(page.items[-1]))


async def exported_suppressions(deps: Dependencies, principal: Principal, person: Person) -> list[SuppressionResponse]:
    """Return the suppressions of an address, or nothing for a user. Raises UnavailableError."""
    channel, key = person.channel, await key_for_reads(deps, principal.tenant_id)
    if channel is None or key is None:
        return []
    name = person.id_under(key)

    async def read(ledger: Ledger) -> list[SuppressionResponse]:
        entries = in_force((await ledger.suppressions.find([name])).get(name, ()), ledger.now())
        return [shown_entries(channel, person.value, entries)] if entries else []

    return await query(deps, read)


async def exported_consents(deps: Dependencies, principal: Principal, person: Person) -> list[ConsentResponse]:
    """Return the consents of an address, or nothing for a user. Raises UnavailableError."""
    channel = person.channel

    async def read(ledger: Ledger) -> list[ConsentResponse]:
        stored = (await ledger.tenants.get(principal.tenant_id)).key
        if stored is None or channel is None:
            return []
        key = ConsentKey(open_tenant_key(stored, principal.tenant_id, deps.sealer))
        found = await ledger.consents.get_many(person.consent_ids(key))
        return [
            shown_consent(channel, category_of_id(name), person.value, each.consent)
            for name, each in sorted(found.items())
        ]

    return await query(deps, read)


async def _read_page(
    deps: Dependencies, principal: Principal, person: Person, wanted: LogQuery, ledger: Ledger
) -> tuple[LogPage, list[ExportedDelivery]]:
    page = await ledger.logs.find(wanted)
    messages = iterate_messages(ledger, deps.sealer, page.items, skip_unreadable=True, budget=deps.turn_budget)
    texts = {log_id: text async for log_id, text in messages}
    if person.channel is not None:
        addresses = {log.id: person.value for log in page.items}
    elif principal.may(USER_ADDRESSES):
        addresses = dict(await plain_recipients(ledger, deps.sealer, page.items))
    else:
        addresses = {}
    return page, [_delivery(log, texts.get(log.id), addresses.get(log.id)) for log in page.items]


def _delivery(log: Log, text: str | None, address: str | None) -> ExportedDelivery:
    item = log_item(log, None if text is None else ShownText(text))
    return ExportedDelivery(**item.model_dump(), address=address)
