"""The answer to a request that was just accepted: one page of its deliveries, none of which has a log yet."""

from core.address import normalise_email, normalise_phone
from core.ids import log_id, request_key
from core.intake import position_of
from core.mask import mask_email, mask_phone, mask_raw
from producer.order import Order
from schemas.http import CommunicationLogListResponse, CommunicationLogResponse, PageInfo
from schemas.requests import Recipient
from schemas.statuses import Channel, Status

PAGE_SIZE = 20
MAX_PAGE_SIZE = 100


def first_answer(order: Order, page: int, page_size: int, default_region: str | None) -> CommunicationLogListResponse:
    """The contract's answer, made from the request alone; pages count from 1, one beyond the last is empty."""
    total = len(order.body.recipients)
    numbers = range(min((page - 1) * page_size, total), min(page * page_size, total))
    return CommunicationLogListResponse(
        code=200,
        items=_items(order, numbers, default_region),
        message="accepted",
        pagination=page_info(page, page_size, total),
        timestamp=order.accepted_at,
        total=total,
    )


def page_info(page: int, page_size: int, total: int) -> PageInfo:
    """Where a page stands."""
    pages = -(-total // page_size)
    return PageInfo(
        page=page, page_size=page_size, total=total, total_pages=pages, has_next=page < pages, has_prev=page > 1
    )


def masked(channel: Channel, raw: str, default_region: str | None) -> str:
    """An address as a log will show it, whether it is a valid one or not."""
    if channel is Channel.SMS:
        phone = normalise_phone(raw, default_region)
        return mask_phone(phone) if phone else mask_raw(raw)
    email = normalise_email(raw)
    return mask_email(email) if email else mask_raw(raw)


def _items(order: Order, numbers: range, default_region: str | None) -> list[CommunicationLogResponse]:
    body = order.body
    key = request_key(order.tenant_id, order.request_id)
    sizes = [part.recipients for part in order.parts]
    waits = body.send_at is not None and body.send_at > order.accepted_at
    items = []
    for number in numbers:
        given = body.recipients[number]
        recipient = Recipient(to=given) if isinstance(given, str) else given
        items.append(
            CommunicationLogResponse(
                id=log_id(key, *position_of(sizes, number)),
                channel=body.channel,
                content=order.content.render(recipient.variables, body.variables),
                recipient=masked(body.channel, recipient.to, default_region),
                status=Status.SCHEDULED if waits else Status.PENDING,
                provider=None,
                response=None,
                error=None,
                template_id=None,
                tenant_id=order.tenant_id,
                user_id=order.user_id,
                created_at=order.accepted_at,
                updated_at=order.accepted_at,
                sent_at=None,
                request_id=order.request_id,
                reference=recipient.reference,
                reason=None,
                attempts=0,
            )
        )
    return items
