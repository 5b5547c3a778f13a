"""Response to a request that was just accepted: one page of its deliveries, none of which has a log yet."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from config.turn_budget import TurnBudget
from core.addresses import AddressRules
from core.ids import log_id, request_key
from core.render import RenderError
from core.request_parts import position_of
from producer.bulk.prepare_request import PreparedRequest
from producer.read.shown_text import MAX_SHOWN_BYTES, MAX_SHOWN_BYTES_WAITING, ShownText, shorten_all
from schemas.http_responses import CommunicationLogListResponse, CommunicationLogResponse, PageInfo
from schemas.requests import Recipient
from schemas.statuses import Status

SEND_AT_PASSED = "send_at: has passed. The messages are sent at once."


@dataclass(frozen=True, slots=True)
class ResponsePage:
    """The page of deliveries that a caller asked for. Pages count from 1."""

    number: int
    size: int

    @property
    def first_position(self) -> int:
        """Return the position of the page's first delivery in the request, counted from 0."""
        return (self.number - 1) * self.size

    @property
    def slice(self) -> slice:
        """Return the positions of the page's deliveries in the request."""
        return slice(self.first_position, self.first_position + self.size)

    def info(self, total: int) -> PageInfo:
        """Return the description of the page in a request of `total` deliveries."""
        pages = -(-total // self.size)
        return PageInfo(
            page=self.number,
            page_size=self.size,
            total=total,
            total_pages=pages,
            has_next=self.number < pages,
            has_prev=self.number > 1,
        )


async def show_texts(
    prepared: PreparedRequest, long_text_lock: asyncio.Lock, budget: TurnBudget, *, waits: bool = False
) -> dict[int, ShownText]:
    """Return the texts of the page. Long ones are shortened, and more so if the response `waits` for the completion."""
    texts_bytes = MAX_SHOWN_BYTES_WAITING if waits else MAX_SHOWN_BYTES
    max_bytes = texts_bytes // max(len(prepared.page_recipients), 1)
    return await shorten_all(_render(prepared, budget), max_bytes, long_text_lock)


def accepted_response(
    prepared: PreparedRequest, page: ResponsePage, default_region: str | None, shown: Mapping[int, ShownText]
) -> CommunicationLogListResponse:
    """Return the response, made from the request and its texts. A page beyond the last is empty."""
    key = request_key(prepared.tenant_id, prepared.request_id)
    rules = AddressRules(prepared.head.channel, prepared.head.region or default_region)
    sizes = [part.recipients for part in prepared.parts]
    items = [
        _item(
            prepared,
            log_id(key, *position_of(sizes, page.first_position + index)),
            recipient,
            rules.in_region(recipient.region),
            shown.get(index),
        )
        for index, recipient in enumerate(prepared.page_recipients)
    ]
    return CommunicationLogListResponse(
        code=200,
        items=items,
        message="accepted",
        pagination=page.info(prepared.total),
        timestamp=prepared.accepted_at,
        total=prepared.total,
        warnings=[SEND_AT_PASSED] if prepared.head.has_passed_send_at(prepared.accepted_at) else None,
    )


def _item(
    prepared: PreparedRequest, delivery_id: str, recipient: Recipient, rules: AddressRules, shown: ShownText | None
) -> CommunicationLogResponse:
    head = prepared.head
    is_scheduled = head.send_at is not None and not head.has_passed_send_at(prepared.accepted_at)
    return CommunicationLogResponse(
        id=delivery_id,
        channel=head.channel,
        content=shown.text if shown else None,
        content_shortened=True if shown and shown.is_shortened else None,
        recipient=rules.mask(recipient.to, rules.normalise(recipient.to)),
        status=Status.SCHEDULED if is_scheduled else Status.PENDING,
        template_id=prepared.template.id if prepared.template else None,
        tenant_id=prepared.tenant_id,
        user_id=prepared.user_id,
        created_at=prepared.accepted_at,
        updated_at=prepared.accepted_at,
        request_id=prepared.request_id,
        reference=recipient.reference,
        attempts=0,
    )


async def _render(prepared: PreparedRequest, budget: TurnBudget) -> AsyncIterator[tuple[int, str]]:
    """Yield the texts with their secret variables masked. A text that would be too long is left out: it will fail."""
    message = prepared.message
    for index, recipient in enumerate(prepared.page_recipients):
        variables = recipient.variables
        with suppress(RenderError):
            render = partial(message.render_masked, variables)
            yield index, await budget.run(render, message.measure.of(variables).characters)
