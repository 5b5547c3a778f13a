"""Requests as HTTP shows them."""

from datetime import datetime
from typing import Any

from core.chunk_work import tally
from core.money import show_cost
from ledger.models import StoredRequest
from ledger.request_control import state_of
from ledger.request_counts import RequestCounts, known_recipients
from schemas.http_responses import Parts, RequestResponse, RequestSummary


def request_summary(request: StoredRequest, server_time: datetime) -> RequestSummary:
    """Return a request as a list shows it. The ledger's clock decides whether it is scheduled."""
    return RequestSummary(**_fields(request, server_time))


def request_response(
    request: StoredRequest, counts: RequestCounts, server_time: datetime, now: datetime
) -> RequestResponse:
    """Return a single request with its counts, in a response of the time `now`."""
    by_status, by_reason = tally(counts.current)
    return RequestResponse(
        **{**_fields(request, server_time), "cost": show_cost(counts.cost)},
        code=200,
        message="ok",
        timestamp=now,
        done=counts.done,
        by_status=by_status,
        by_reason=by_reason,
    )


def _fields(request: StoredRequest, server_time: datetime) -> dict[str, Any]:
    head, completion = request.header, request.completion
    return {
        "request_id": head.request_id,
        "tenant_id": head.tenant_id,
        "user_id": head.user_id,
        "channel": head.channel,
        "category": head.category,
        "template_id": head.template_id,
        "template_version": head.template_version,
        "total": known_recipients(request),
        "complete": completion is not None,
        "incomplete": request.intake_closed,
        "cancelled": request.cancelled,
        "state": state_of(request, server_time),
        "parts": Parts(known=len(request.parts), expanded=len(request.expanded_parts)),
        "accepted_at": head.accepted_at,
        "begun_at": request.begun_at,
        "completed_at": completion and completion.completed_at,
        "resend_of": head.resend_of,
        "send_at": head.send_at,
        "expires_at": head.expires_at,
        "region": head.region,
        "provider": head.provider,
        "secret_variables": list(head.secret_variables) if head.secret_variables else None,
        "keep_secret_variables": head.keep_secret_variables,
        "budget": show_cost(head.budget),
        "mailing_list": head.mailing_list,
        "cost": show_cost(completion.cost if completion else None),
    }
