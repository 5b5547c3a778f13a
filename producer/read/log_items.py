"""Deliveries as HTTP shows them. Their text is rendered when it is read (I9), and absent once it is erased."""

from collections.abc import Sequence

from ledger.models import Log
from ledger.ports import Ledger
from ledger.rendered_messages import render_messages
from ledger.sealing import Sealer
from schemas.http_responses import CommunicationLogResponse


async def log_items(logs: Sequence[Log], ledger: Ledger, sealer: Sealer) -> list[CommunicationLogResponse]:
    """Return the items of a response, in the order of the logs."""
    contents = await render_messages(ledger, sealer, logs, skip_unreadable=True)
    return [log_item(log, contents.get(log.id)) for log in logs]


def log_item(log: Log, content: str | None) -> CommunicationLogResponse:
    """Return one delivery with its text, if the text can be read."""
    return CommunicationLogResponse(
        id=log.id,
        channel=log.channel,
        content=content,
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
    )
