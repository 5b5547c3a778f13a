"""Decisions on a window whose deliveries a previous owner may have sent (I4)."""

from collections.abc import Mapping
from dataclasses import replace

from consumer.deliver.open_window import OpenWindow
from core.chunk_work import Window
from core.delivery_outcome import NotSent
from ledger.models import Log
from providers.provider import Provider
from schemas.statuses import OnUncertain


def may_be_logged(window: OpenWindow) -> bool:
    """Return whether a previous owner may have written logs for deliveries of the window."""
    if window.intent is None:
        return False
    return window.taken_over or window.is_pinned or bool(window.intent.batch.possibly_sent)


def apply_stored_logs(window: OpenWindow, logs: Mapping[int, Log]) -> list[Log]:
    """Mark the deliveries that have a log. Return these logs."""
    logged = [entry for entry in window.deliveries if entry.index in logs]
    for entry in logged:
        entry.result = NotSent.ALREADY_LOGGED
    return [logs[entry.index] for entry in logged]


def apply_takeover(
    window: OpenWindow, provider: Provider | None, on_uncertain: OnUncertain, *, stopped: bool, max_attempts: int
) -> None:
    """Decide what to do with deliveries that a previous owner may have sent and that have no log."""
    uncertain = window.taken_over or window.is_pinned
    exhausted = window.taken_over and window.intent is not None and window.intent.batch.attempts + 1 >= max_attempts
    if not uncertain:
        return
    if provider and provider.deduplicates and not stopped and not exhausted:
        window.pin()  # It is safe to send them to the same provider again, and to no other one.
        return
    for entry in window.without_result:
        if exhausted or (window.taken_over and stopped) or on_uncertain is OnUncertain.MARK_UNKNOWN:
            entry.result = NotSent.MAYBE_SENT
        else:
            entry.possibly_sent = True


def count_lost_attempt(window: OpenWindow) -> Window | None:
    """Count the attempt of the previous owner for each delivery that will be sent again.

    Return the intent with that attempt, or None if nothing of a taken-over window will be sent again.
    """
    if not (window.intent and window.taken_over and window.without_result):
        return None
    for entry in window.without_result:
        entry.attempts += 1
    batch = window.intent.batch
    return replace(window.intent, batch=replace(batch, attempts=batch.attempts + 1))
