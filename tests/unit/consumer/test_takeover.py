"""After a take-over each delivery of the window is certain, is in doubt, or is sent again on purpose."""

from typing import Any, cast

import pytest

from consumer.deliver.open_window import OpenWindow
from consumer.deliver.takeover_decisions import apply_stored_logs, apply_takeover, count_lost_attempt, may_be_logged
from core.chunk_work import Batch, Window
from core.delivery_outcome import NotSent
from providers.provider import Provider
from schemas.statuses import OnUncertain
from tests.support.builders import a_log

RESEND, MARK_UNKNOWN = OnUncertain.RESEND, OnUncertain.MARK_UNKNOWN


class Named:
    """A provider of which only the promise to deduplicate matters here."""

    def __init__(self, *, deduplicates: bool) -> None:
        self.deduplicates = deduplicates


def provider(*, deduplicates: bool = False) -> Provider:
    return cast("Provider", Named(deduplicates=deduplicates))


def a_window(*, taken_over: bool = True, **batch: Any) -> OpenWindow:
    return OpenWindow(Window(Batch(((0, 2),), **batch), "first"), taken_over)


def results(window: OpenWindow) -> list[object]:
    return [entry.result for entry in window.deliveries]


def decide(
    window: OpenWindow,
    on_uncertain: OnUncertain = MARK_UNKNOWN,
    *,
    deduplicates: bool = False,
    stopped: bool = False,
) -> None:
    apply_takeover(window, provider(deduplicates=deduplicates), on_uncertain, stopped=stopped, max_attempts=3)


def test_only_a_window_that_may_have_been_sent_may_be_logged() -> None:
    assert not may_be_logged(a_window(taken_over=False))
    assert not may_be_logged(OpenWindow(None))
    assert may_be_logged(a_window())
    assert may_be_logged(a_window(taken_over=False, possibly_sent=frozenset({1})))
    assert may_be_logged(a_window(taken_over=False, pinned_provider="first"))


def test_a_delivery_with_a_log_is_certain() -> None:
    window, log = a_window(), a_log()
    assert apply_stored_logs(window, {1: log, 9: a_log(index=9)}) == [log]
    assert [entry.index for entry in window.with_result] == [1]
    decide(window)
    assert results(window) == [NotSent.MAYBE_SENT, NotSent.ALREADY_LOGGED]


def test_a_delivery_without_a_log_is_in_doubt_and_is_not_sent_again() -> None:
    decide(window := a_window())
    assert results(window) == [NotSent.MAYBE_SENT] * 2


def test_resend_sends_it_again_and_keeps_the_doubt() -> None:
    decide(window := a_window(), RESEND)
    assert results(window) == [None, None]
    assert all(entry.possibly_sent for entry in window.deliveries)


def test_a_provider_that_deduplicates_is_asked_again_without_doubt() -> None:
    decide(window := a_window(), deduplicates=True)
    assert results(window) == [None, None]
    assert not any(entry.possibly_sent for entry in window.deliveries)


@pytest.mark.parametrize(("attempts", "stopped"), [(2, False), (0, True)])
@pytest.mark.parametrize("on_uncertain", OnUncertain)
def test_after_the_last_attempt_or_a_stop_nothing_is_sent_again(
    on_uncertain: OnUncertain,
    attempts: int,
    stopped: bool,  # noqa: FBT001  # a case
) -> None:
    decide(window := a_window(attempts=attempts), on_uncertain, deduplicates=True, stopped=stopped)
    assert results(window) == [NotSent.MAYBE_SENT] * 2


def test_a_window_that_was_not_taken_over_is_certain() -> None:
    decide(window := a_window(taken_over=False, attempts=2))
    assert results(window) == [None, None]


def test_the_lost_attempt_is_counted_in_the_window_and_in_each_delivery_to_be_sent() -> None:
    window = a_window(attempts=1)
    window.deliveries[0].result = NotSent.ALREADY_LOGGED
    intent = count_lost_attempt(window)
    assert intent is not None
    assert intent.batch.attempts == 2
    assert [entry.attempts for entry in window.deliveries] == [1, 2]


def test_no_attempt_is_counted_if_nothing_is_sent_again() -> None:
    settled = a_window()
    decide(settled)
    assert count_lost_attempt(settled) is None
    assert count_lost_attempt(a_window(taken_over=False)) is None
    assert count_lost_attempt(OpenWindow(None)) is None
