from datetime import UTC, datetime

from cli.report.summary import NotReached, Summary
from cli.tracking.result_tally import MAX_SHOWN, ResultTally
from core.ids import log_id, outcome_event_id, receipt_event_id, request_key
from schemas.results import DeliveryEvent, RequestCompleted, RequestRejected
from schemas.statuses import Channel, Reason, RejectionReason, Status

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TENANT, REQUEST = "tnt_test", "req-1"


def a_roll(expected: int = 3) -> ResultTally:
    return ResultTally(REQUEST, TENANT, expected)


def hear_delivery(
    roll: ResultTally,
    index: int,
    status: Status = Status.SENT,
    reason: Reason | None = None,
    *,
    part: int = 0,
    tenant_id: str = TENANT,
    by_receipt: bool = False,
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
    )
    roll.add_event(f"delivery.{status}", event.model_dump_json().encode(), fresh=True)


def hear_completed(
    roll: ResultTally,
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
    roll.add_event("request.completed", event.model_dump_json().encode(), fresh=fresh)


def hear_rejected(roll: ResultTally, *, fresh: bool = True, tenant_id: str | None = TENANT) -> None:
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
    roll.add_event("request.rejected", event.model_dump_json().encode(), fresh=fresh)


def a_called_roll() -> Summary:
    roll = a_roll()
    hear_delivery(roll, 0)
    hear_delivery(roll, 1, Status.FAILED, Reason.INVALID_RECIPIENT)
    hear_delivery(roll, 2, Status.SUPPRESSED, Reason.DUPLICATE)
    hear_completed(roll, sent=1, failed=1, suppressed=1)
    return roll.summary()


def test_a_roll_is_called_by_status_and_reason() -> None:
    summary = a_called_roll()
    assert summary.accounted
    assert summary.total == 3
    assert summary.counts == {
        ("sent", None): 1,
        ("failed", "invalid_recipient"): 1,
        ("suppressed", "duplicate"): 1,
    }


def test_only_what_ended_neither_sent_nor_suppressed_is_a_failure() -> None:
    assert a_called_roll().failures == 1


def test_repeated_events_change_nothing() -> None:
    roll = a_roll()
    for _ in range(3):
        hear_delivery(roll, 1)
    assert roll.reported == 1
    assert roll.counts == {("sent", None): 1}


def test_the_same_index_of_two_parts_is_two_recipients() -> None:
    roll = a_roll()
    hear_delivery(roll, 1, part=0)
    hear_delivery(roll, 1, part=1)
    assert roll.reported == 2


def test_a_receipt_is_no_second_outcome() -> None:
    roll = a_roll(1)
    hear_delivery(roll, 0)
    for _ in range(2):
        hear_delivery(roll, 0, Status.DELIVERED, by_receipt=True)
    hear_completed(roll, sent=1)
    assert roll.counts == {("sent", None): 1}
    assert roll.summary().notes == ["by receipt since then: 1 delivered"]


def test_another_tenants_events_under_the_same_id_are_not_heard() -> None:
    roll = a_roll()
    hear_delivery(roll, 0, tenant_id="tnt_other")
    hear_completed(roll, sent=3, tenant_id="tnt_other")
    hear_rejected(roll, tenant_id="tnt_other")
    assert (roll.reported, roll.completed, roll.rejected) == (0, None, None)


def test_a_refusal_without_a_tenant_may_be_ours() -> None:
    roll = a_roll()
    hear_rejected(roll, tenant_id=None)
    assert roll.rejected is not None


def test_a_refusal_of_an_earlier_attempt_is_not_heard() -> None:
    roll = a_roll()
    hear_rejected(roll, fresh=False)
    assert roll.rejected is None


def test_a_completion_of_an_earlier_attempt_does_not_conclude() -> None:
    roll = a_roll()
    hear_completed(roll, sent=3, fresh=False)
    assert roll.completed is not None
    assert not roll.completed_now
    hear_completed(roll, sent=3)
    assert roll.completed_now


def test_the_first_in_request_order_are_kept_to_be_shown() -> None:
    roll = a_roll(100)
    for index in reversed(range(100)):
        hear_delivery(roll, index, Status.FAILED, Reason.GAVE_UP, part=index % 2)
    shown = [(missed.part, missed.index) for missed in roll.not_reached]
    assert shown == [(0, index) for index in range(0, 2 * MAX_SHOWN, 2)]
    assert roll.not_reached[0] == NotReached(
        0, 0, "138****8000", "order-0", "failed", "gave_up", None, roll.not_reached[0].log_id
    )


def test_those_whose_events_were_not_heard_are_counted_from_the_completion() -> None:
    roll = a_roll()
    hear_delivery(roll, 0)
    hear_completed(roll, sent=1, failed=2)
    summary = roll.summary()
    assert summary.counts == {("sent", None): 1, ("failed", None): 2}
    assert (summary.not_reached_total, list(summary.not_reached)) == (2, [])
    assert summary.accounted


def test_without_a_completion_nobody_is_accounted_for() -> None:
    roll = a_roll(1)
    hear_delivery(roll, 0)
    assert not roll.summary().accounted


def test_an_incomplete_request_is_not_accounted_for() -> None:
    roll = a_roll()
    hear_completed(roll, sent=3, incomplete=True)
    summary = roll.summary()
    assert not summary.accounted
    assert summary.notes == ["incomplete: a part of the request never arrived"]


def test_a_completion_of_fewer_than_were_sent_is_not_accounted_for() -> None:
    roll = a_roll(4)
    hear_completed(roll, sent=3)
    summary = roll.summary()
    assert not summary.accounted
    assert summary.notes == ["4 recipients were published, but request.completed counts 3"]


def test_what_is_newer_than_this_reader_is_passed_over_and_said() -> None:
    roll = a_roll()
    roll.add_event("request.paused", b"{}", fresh=True)
    roll.add_event("delivery.sent", b"not json", fresh=True)
    assert roll.unreadable == 1
    assert roll.summary().notes == ["1 events could not be read. They may need a newer version of this command line."]
