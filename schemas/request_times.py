"""Bounds of the times of a request."""

from datetime import datetime, timedelta

from schemas.requests import BulkBody

FURTHEST_SEND, FURTHEST_EXPIRY = timedelta(days=366), 2 * timedelta(days=366)
"""Maximum time from the acceptance of a request to its `send_at`, and to its `expires_at`."""


def too_far_ahead(body: BulkBody, accepted_at: datetime) -> tuple[str, str] | None:
    """Return the name of a field whose time is too far ahead, and the problem. Return None if there is none."""
    if body.send_at and body.send_at - FURTHEST_SEND > accepted_at:
        return "send_at", "must be at most a year ahead"
    if body.expires_at and body.expires_at - FURTHEST_EXPIRY > accepted_at:
        return "expires_at", "must be at most two years ahead"
    return None
