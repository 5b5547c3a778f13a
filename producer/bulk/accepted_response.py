"""The answer to a request that was just accepted: one page of its deliveries, none of which has a log yet."""

from dataclasses import dataclass

from core.addresses import AddressRules
from core.ids import log_id, request_key
from core.render import RenderError
from core.request_parts import position_of
from producer.bulk.prepare_request import PreparedRequest
from schemas.http_responses import CommunicationLogListResponse, CommunicationLogResponse, PageInfo
from schemas.requests import Recipient
from schemas.statuses import Status


@dataclass(frozen=True, slots=True)
class Page:
    """Which deliveries a caller asked to see; pages count from 1."""

    number: int
    size: int

    @property
    def first(self) -> int:
        """The number of its first delivery, counted from 0."""
        return (self.number - 1) * self.size

    @property
    def slice(self) -> slice:
        """Where its deliveries stand among all."""
        return slice(self.first, self.first + self.size)

    def of(self, total: int) -> PageInfo:
        """Where it stands in a whole."""
        pages = -(-total // self.size)
        return PageInfo(
            page=self.number,
            page_size=self.size,
            total=total,
            total_pages=pages,
            has_next=self.number < pages,
            has_prev=self.number > 1,
        )


def accepted_response(order: PreparedRequest, page: Page, default_region: str | None) -> CommunicationLogListResponse:
    """The contract's answer, made from the request alone; a page beyond the last is empty."""
    key = request_key(order.tenant_id, order.request_id)
    rules = AddressRules(order.head.channel, default_region)
    sizes = [part.recipients for part in order.parts]
    items = [
        _item(order, log_id(key, *position_of(sizes, number)), recipient, rules)
        for number, recipient in enumerate(order.shown, page.first)
    ]
    return CommunicationLogListResponse(
        code=200,
        items=items,
        message="accepted",
        pagination=page.of(order.total),
        timestamp=order.accepted_at,
        total=order.total,
    )


def _item(order: PreparedRequest, log: str, recipient: Recipient, rules: AddressRules) -> CommunicationLogResponse:
    head = order.head
    waits = head.send_at is not None and head.send_at > order.accepted_at
    return CommunicationLogResponse(
        id=log,
        channel=head.channel,
        content=_content(order, recipient),
        recipient=rules.mask(recipient.to, rules.normalise(recipient.to)),
        status=Status.SCHEDULED if waits else Status.PENDING,
        template_id=order.template.id if order.template else None,
        tenant_id=order.tenant_id,
        user_id=order.user_id,
        created_at=order.accepted_at,
        updated_at=order.accepted_at,
        request_id=order.request_id,
        reference=recipient.reference,
        attempts=0,
    )


def _content(order: PreparedRequest, recipient: Recipient) -> str | None:
    """The text, or None where it would be too long: such a delivery will fail."""
    try:
        return order.content.render(recipient.variables, order.head.variables)
    except RenderError:
        return None
