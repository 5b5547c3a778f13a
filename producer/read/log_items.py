"""Deliveries as HTTP shows them. Their text is rendered when it is read (I9), and absent once it is erased."""

from collections.abc import Sequence

from config.turn_budget import TurnBudget
from core.money import show_cost
from ledger.models import Log
from ledger.ports import Ledger
from ledger.rendered_messages import iterate_messages
from ledger.sealing import Sealer
from producer.read.shown_text import MAX_SHOWN_BYTES, ShownText, shorten_all
from schemas.http_responses import CommunicationLogResponse


async def log_items(
    logs: Sequence[Log], ledger: Ledger, sealer: Sealer, budget: TurnBudget
) -> list[CommunicationLogResponse]:
    """Return the items of a list, in the order of the logs. Long texts are shortened."""
    texts = iterate_messages(ledger, sealer, logs, skip_unreadable=True, budget=budget)
    shown = await shorten_all(texts, MAX_SHOWN_BYTES // max(len(logs), 1))
    return [log_item(log, shown.get(log.id)) for log in logs]


async def whole_item(log: Log, ledger: Ledger, sealer: Sealer, budget: TurnBudget) -> CommunicationLogResponse:
    """Return one delivery with its whole text."""
    texts = iterate_messages(ledger, sealer, [log], skip_unreadable=True, budget=budget)
    shown = [ShownText(text) async for _, text in texts]
    return log_item(log, shown[0] if shown else None)


def log_item(log: Log, shown: ShownText | None) -> CommunicationLogResponse:
    """Return one delivery with its text, if the text can be read."""
    return CommunicationLogResponse(
        id=log.id,
        channel=log.channel,
        content=shown.text if shown else None,
        content_shortened=True if shown and shown.is_shortened else None,
        recipient=log.recipient,
        status=log.status,
        provider=log.provider,
        response=log.response,
        error=log.error,
        template_id=log.template_id,
        tenant_id=log.tenant_id,
        user_id=log.user_id,
        created_at=log.created_at,
        updated_at=log.updated_at,
        sent_at=log.sent_at,
        request_id=log.request_id,
        reference=log.reference,
        reason=log.reason,
        attempts=log.attempts,
        resend_of=log.resend_of,
        resent_as=log.resent_as,
        next_attempt_at=log.next_attempt_at,
        encoding=log.encoding,
        segments=log.segments,
        cost=show_cost(log.cost),
        receipt_at=log.receipt_at,
        receipt_class=log.receipt_class,
        receipt_code=log.receipt_code,
    )
