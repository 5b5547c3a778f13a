from datetime import UTC, datetime

from cli.report.summary import NotReached, Summary
from cli.tracking.result_tally import MAX_SHOWN, ResultTally
from core.ids import log_id, outcome_event_id, receipt_event_id, request_key
from schemas.results import DeliveryEvent, RequestCompleted, RequestRejected
from schemas.statuses import Channel, Reason, RejectionReason, Status

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TENANT, REQUEST = "tnt_test", "req-1"


def a_tally(expected: int = 3) -> ResultTally:
    return ResultTally(REQUEST, TENANT, expected)


def add_delivery(
    tally: ResultTally,
    index: int,
    status: Status = Status.SENT,
    reason: Reason | None = None,
    *,
    part: int = 0,
    tenant_id: str = TENANT,
    by_receipt: bool = False,
    cost: dict[str, str] | None = None,
) -> None:
    log = log_id(request_key(tenant_id, REQUEST), part, index)
    event = DeliveryEvent(
        event_id=receipt_event_id(log) if by_receipt else outcome_event_id(log),
        request_id=REQUEST,
        log_id=log,
        part=part,
        index=index,
        reference=f"order-{index}",
        tenant_id=tenant_id,
        channel=Channel.SMS,
        recipient="138****8000",
        status=status,
        provider="sim",
        reason=reason,
        error=None,
        attempts=1,
        occurred_at=AT,
        correlation_id=None,
        outcome=Status.SENT if by_receipt else None,
        cost=cost,
    )
    tally.add_event(f"delivery.{status}", event.model_dump_json().encode(), fresh=True)


def add_completion(
    tally: ResultTally,
    *,
    fresh: bool = True,
    incomplete: bool = False,
    tenant_id: str = TENANT,
    **by_status: int,
) -> None:
    event = RequestCompleted(
        event_id="evt_1",
        request_id=REQUEST,
        tenant_id=tenant_id,
        total=sum(by_status.values()),
        by_status=by_status,
        by_reason={},
        incomplete=incomplete,
        occurred_at=AT,
        correlation_id=None,
    )
    tally.add_event("request.completed", event.model_dump_json().encode(), fresh=fresh)


def add_rejection(tally: ResultTally, *, fresh: bool = True, tenant_id: str | None = TENANT) -> None:
    event = RequestRejected(
        event_id="evt_2",
        request_id=REQUEST,
        tenant_id=tenant_id,
        part=0,
        reason=RejectionReason.REQUEST_CONFLICT,
        fields=["content"],
        message="the request id was used with another body",
        occurred_at=AT,
        correlation_id=None,
    )
    tally.add_event("request.rejected", event.model_dump_json().encode(), fresh=fresh)


def a_complete_summary() -> Summary:
    tally = a_tally()
    add_delivery(tally, 0)
    add_delivery(tally, 1, Status.FAILED, Reason.INVALID_RECIPIENT)
    add_delivery(tally, 2, Status.SUPPRESSED, Reason.DUPLICATE)
    add_completion(tally, sent=1, failed=1, suppressed=1)
    return tally.summary()


def test_outcomes_are_counted_by_status_and_reason() -> None:
    summary = a_complete_summary()
    assert summary.accounted
    assert summary.total == 3
    assert summary.counts == {
        ("sent", None): 1,
        ("failed", "invalid_recipient"): 1,
        ("suppressed", "duplicate"): 1,
    }


def test_sent_and_suppressed_recipients_are_not_failures() -> None:
    assert a_complete_summary().failures == 1


def test_messages_that_may_be_paid_and_have_no_price_are_counted() -> None:
    tally = a_tally(4)
    add_delivery(tally, 0, cost={"EUR": "0.05"})
    add_delivery(tally, 1)
    add_delivery(tally, 2, Status.UNKNOWN, Reason.NO_ANSWER)
    add_delivery(tally, 3, Status.FAILED, Reason.INVALID_RECIPIENT)

    assert tally.summary().unpriced == 2


def test_repeated_events_change_nothing() -> None:
    tally = a_tally()
    for _ in range(3):
        add_delivery(tally, 1)
    assert tally.reported == 1
    assert tally.counts == {("sent", None): 1}


def test_the_same_index_of_two_parts_is_two_recipients() -> None:
    tally = a_tally()
    add_delivery(tally, 1, part=0)
    add_delivery(tally, 1, part=1)
    assert tally.reported == 2


def test_a_receipt_does_not_count_as_an_outcome() -> None:
    tally = a_tally(1)
    add_delivery(tally, 0)
    for _ in range(2):
        add_delivery(tally, 0, Status.DELIVERED, by_receipt=True)
    add_completion(tally, sent=1)
    assert tally.counts == {("sent", None): 1}
    assert tally.summary().notes == ["by receipt since then: 1 delivered"]


def test_events_of_another_tenant_with_the_same_id_are_ignored() -> None:
    tally = a_tally()
    add_delivery(tally, 0, tenant_id="tnt_other")
    add_completion(tally, sent=3, tenant_id="tnt_other")
    add_rejection(tally, tenant_id="tnt_other")
    add_rejection(tally, tenant_id=None)
    assert (tally.reported, tally.completed, tally.rejected) == (0, None, None)


def test_a_rejection_of_an_earlier_attempt_is_ignored() -> None:
    tally = a_tally()
    add_rejection(tally, fresh=False)
    assert tally.rejected is None


def test_a_completion_of_an_earlier_attempt_does_not_end_this_one() -> None:
    tally = a_tally()
    add_completion(tally, sent=3, fresh=False)
    assert tally.completed is not None
    assert not tally.completed_now
    add_completion(tally, sent=3)
    assert tally.completed_now


def test_the_first_recipients_in_request_order_are_kept() -> None:
    tally = a_tally(100)
    for index in reversed(range(100)):
        add_delivery(tally, index, Status.FAILED, Reason.GAVE_UP, part=index % 2)
    shown = [(missed.part, missed.index) for missed in tally.not_reached]
    assert shown == [(0, index) for index in range(0, 2 * MAX_SHOWN, 2)]
    assert tally.not_reached[0] == NotReached(
        0, 0, "138****8000", "order-0", "failed", "gave_up", None, tally.not_reached[0].log_id
    )


def test_recipients_without_events_are_counted_from_the_completion() -> None:
    tally = a_tally()
    add_delivery(tally, 0)
    add_completion(tally, sent=1, failed=2)
    summary = tally.summary()
    assert summary.counts == {("sent", None): 1, ("failed", None): 2}
    assert (summary.not_reached_total, list(summary.not_reached)) == (2, [])
    assert summary.accounted


def test_without_a_completion_recipients_are_not_accounted_for() -> None:
    tally = a_tally(1)
    add_delivery(tally, 0)
    assert not tally.summary().accounted


def test_an_incomplete_request_is_not_accounted_for() -> None:
    tally = a_tally()
    add_completion(tally, sent=3, incomplete=True)
    summary = tally.summary()
    assert not summary.accounted
    assert summary.notes == ["incomplete: a part of the request never arrived"]


def test_a_completion_of_fewer_than_were_sent_is_not_accounted_for() -> None:
    tally = a_tally(4)
    add_completion(tally, sent=3)
    summary = tally.summary()
    assert not summary.accounted
    assert summary.notes == ["4 recipients were published, but request.completed counts 3"]


def test_unreadable_events_are_skipped_and_counted() -> None:
    tally = a_tally()
    tally.add_event("request.paused", b"{}", fresh=True)
    tally.add_event("delivery.sent", b"not json", fresh=True)
    assert tally.unreadable == 1
    assert tally.summary().notes == ["1 events could not be read. They may need a newer version of this command line."]
