"""Response to a request that was just accepted: one page of its deliveries, none of which has a log yet."""

from dataclasses import dataclass

from core.addresses import AddressRules
from core.ids import log_id, request_key
from core.render import RenderError
from core.request_parts import position_of
from producer.bulk.prepare_request import PreparedRequest
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


def accepted_response(
    prepared: PreparedRequest, page: ResponsePage, default_region: str | None
) -> CommunicationLogListResponse:
    """Return the response, made from the request alone. A page beyond the last is empty."""
    key = request_key(prepared.tenant_id, prepared.request_id)
    rules = AddressRules(prepared.head.channel, prepared.head.region or default_region)
    sizes = [part.recipients for part in prepared.parts]
    items = [
        _item(prepared, log_id(key, *position_of(sizes, position)), recipient, rules.in_region(recipient.region))
        for position, recipient in enumerate(prepared.page_recipients, page.first_position)
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
    prepared: PreparedRequest, delivery_id: str, recipient: Recipient, rules: AddressRules
) -> CommunicationLogResponse:
    head = prepared.head
    is_scheduled = head.send_at is not None and not head.has_passed_send_at(prepared.accepted_at)
    return CommunicationLogResponse(
        id=delivery_id,
        channel=head.channel,
        content=_render(prepared, recipient),
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


def _render(prepared: PreparedRequest, recipient: Recipient) -> str | None:
    """Return the text with its secret variables masked, or None if it would be too long. Such a delivery will fail."""
    try:
        return prepared.message.render_masked(recipient.variables)
    except RenderError:
        return None
