"""`report`, and the tally of `send`, after a complete run of the consumer with the in-memory ledger."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from cli.console import PrintableConsole
from cli.errors import UnknownRequest
from cli.recipients_file.layout import FileOptions
from cli.report.csv_writer import STDOUT
from cli.report.report import ReportOptions, print_report
from cli.report.summary import Summary
from cli.tracking.result_tally import ResultTally
from core.ids import position, request_key
from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from ledger.request_control import pause_request
from schemas.statuses import Reason, Status
from tests.flow.world import TOPICS, RecordingProvider, World
from tests.support.builders import a_log, moved

GOOD = [f"138000000{n:02d}" for n in range(60)]


def refuses_some(message: Message, _calls: int) -> SendResult:
    return Failed(Reason.REJECTED, "blacklisted") if message.to.endswith("7") else Sent("m")


async def a_world(*recipients: object) -> World:
    world = World(RecordingProvider(answers=refuses_some))
    await world.expand(world.record(*recipients))
    await world.deliver_all()
    return world


async def report(world: World, *, show_all: bool = False, request_id: str = "r1") -> tuple[Summary, str]:
    out = io.StringIO()
    console = PrintableConsole(file=out, width=100)
    summary = await print_report(world.ledger, console, "t1", request_id, ReportOptions(show_all=show_all))
    return summary, out.getvalue().removesuffix("\n")


async def report_json(world: World, *, show_all: bool = False) -> dict[str, Any]:
    out = io.StringIO()
    await print_report(
        world.ledger, PrintableConsole(file=out), "t1", "r1", ReportOptions(show_all=show_all, as_json=True)
    )
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


async def test_a_report_has_counts_and_recipients_that_were_not_reached() -> None:
    world = await a_world(*GOOD[:9], "12", {"to": GOOD[0], "reference": "order-9"})
    summary, output = await report(world)
    assert summary.accounted
    assert (
        output
        == """\
request   r1
channel   sms
accepted  2026-01-02 03:04:05 UTC
completed 2026-01-02 03:04:05 UTC

status               recipients  meaning
sent                          8  the provider accepted the message
failed                        2  not sent, or not delivered. The reason says why.
  invalid_recipient           1    the address is not valid for this channel
  rejected                    1    the provider rejected the message permanently
suppressed                    1  must not be sent. The reason says why.
  duplicate                   1    the same address appears earlier in the request
total                        11

not reached  reference  status      reason             error
138****0007             failed      rejected           blacklisted
***                     failed      invalid_recipient  the address is not a valid number of its country
138****0000  order-9    suppressed  duplicate

all accounted for: yes"""
    )


async def test_a_running_request_is_not_accounted_for() -> None:
    world = World(RecordingProvider(answers=lambda _message, _calls: Retry(Reason.UNAVAILABLE)))
    await world.expand(world.record(*GOOD[:3]))
    await world.deliver_all()
    summary, output = await report(world)
    assert not summary.accounted
    assert "not yet completed" in output
    assert "3 of 3 are still to be attempted\nall accounted for: no" in output


async def test_a_report_shows_the_deliveries_that_wait_for_a_retry() -> None:
    busy = Retry(Reason.UNAVAILABLE, "503", delay_seconds=60)
    world = World(RecordingProvider(answers=lambda message, _: busy if message.to[-2:] in {"00", "01"} else Sent()))
    await world.expand(world.record(*GOOD[:4]))
    await world.deliver_all()
    _, output = await report(world)
    assert (
        """\
waiting      reference  reason       provider  attempts  next try (UTC)
138****0000             unavailable  book             1  2026-01-02 03:05:07
138****0001             unavailable  book             1  2026-01-02 03:05:07
"""
        in output
    )
    document = await report_json(world)
    assert (document["waiting_total"], len(document["waiting"])) == (2, 2)
    assert position(document["waiting"][1].pop("log_id")) == (request_key("t1", "r1"), 0, 1)
    assert document["waiting"][1] == {
        "reference": None,
        "recipient": "138****0001",
        "reason": "unavailable",
        "provider": "book",
        "attempts": 1,
        "next_attempt_at": "2026-01-02T03:05:07.500000Z",
    }


async def test_a_report_shows_the_first_fifty_waiting_deliveries_unless_all_are_asked_for() -> None:
    world = World(RecordingProvider(answers=lambda *_: Retry(Reason.RATE_LIMITED, delay_seconds=60)))
    await world.expand(world.record(*GOOD))
    await world.deliver_all()
    _, first = await report(world)
    assert first.count("rate_limited") == 50
    assert "and 10 more: add --all" in first
    _, whole = await report(world, show_all=True)
    assert whole.count("rate_limited") == 60


async def test_a_report_says_that_a_request_is_paused() -> None:
    world = World(RecordingProvider())
    await world.expand(world.record(*GOOD[:3]))
    await pause_request(world.ledger, request_key("t1", "r1"))
    _, output = await report(world)
    assert "\npaused, not yet completed\n" in output
    assert (await report_json(world))["paused"] is True


async def test_a_report_names_the_requests_that_repeat_some_of_its_deliveries() -> None:
    world = await a_world(*GOOD[:9])
    (failed,) = [log for log in await world.logs() if log.status is Status.FAILED]
    await world.expand(world.record({"to": GOOD[7], "resend_of": failed.id}, request_id="again", resend_of="r1"))
    await world.deliver_all()
    _, output = await report(world)
    assert "\nresent as again (recipients: 1)\n" in output
    document = await report_json(world)
    assert document["resent_as"] == [{"request_id": "again", "recipients": 1}]
    assert [one["resent_as"] for one in document["not_reached"]] == [(await world.logs("again"))[0].id]


async def test_the_number_of_unknown_deliveries_has_a_line_of_its_own() -> None:
    world = World(RecordingProvider(answers=lambda *_: Uncertain(Reason.NO_ANSWER)))
    await world.expand(world.record(*GOOD[:3]))
    await world.deliver_all()
    _, output = await report(world)
    assert output.endswith("\n3 of 3 unknown: these messages may or may not have been sent\nall accounted for: yes")
    assert (await report_json(world))["unknown"] == 3


async def test_a_report_tells_if_parts_are_not_expanded_yet() -> None:
    world = World(RecordingProvider())
    await world.expand(world.record(*GOOD[:3], last=False))
    await world.deliver_all()
    summary, output = await report(world)
    assert not summary.accounted
    assert "not all parts of the request are expanded yet" in output


async def test_the_first_fifty_are_shown_unless_all_are_asked_for() -> None:
    world = await a_world(*(str(n) for n in range(10, 70)))
    _, first = await report(world)
    assert first.count("invalid_recipient") == 1 + 50
    assert "and 10 more: add --all, or --csv FILE" in first
    _, whole = await report(world, show_all=True)
    assert whole.count("invalid_recipient") == 1 + 60
    assert "more:" not in whole


async def test_the_json_report_is_one_document_with_the_same_content() -> None:
    world = await a_world(*GOOD[:9], "12", {"to": GOOD[0], "reference": "order-9"})
    document = await report_json(world)
    ids = [one.pop("log_id") for one in document["not_reached"]]
    assert ids == [log.id async for log in world.ledger.logs.iterate_request(request_key("t1", "r1")) if log.reason]
    assert document == {
        "request_id": "r1",
        "tenant_id": "t1",
        "user_id": None,
        "channel": "sms",
        "accepted_at": "2026-01-02T03:04:05Z",
        "completed_at": "2026-01-02T03:04:05Z",
        "resend_of": None,
        "resent_as": [],
        "paused": False,
        "cancelled": False,
        "incomplete": False,
        "all_accounted_for": True,
        "total": 11,
        "unknown": 0,
        "by_status": {"sent": 8, "failed": 2, "suppressed": 1},
        "by_reason": {"duplicate": 1, "invalid_recipient": 1, "rejected": 1},
        "notes": [],
        "not_reached_total": 3,
        "waiting_total": 0,
        "not_reached": [
            missed("138****0007", "failed", "rejected", error="blacklisted", encoding="gsm7", segments=1),
            missed("***", "failed", "invalid_recipient", error="the address is not a valid number of its country"),
            missed("138****0000", "suppressed", "duplicate", reference="order-9"),
        ],
        "waiting": [],
    }


def missed(recipient: str, status: str, reason: str, **more: str | int) -> dict[str, str | int | None]:
    return {"reference": None, "error": None, **more, "recipient": recipient, "status": status, "reason": reason}


async def test_json_shows_the_first_fifty_too_unless_all_are_asked_for() -> None:
    world = await a_world(*(str(n) for n in range(10, 70)))
    for show_all, shown in ((False, 50), (True, 60)):
        document = await report_json(world, show_all=show_all)
        assert (document["not_reached_total"], len(document["not_reached"])) == (60, shown)


async def test_the_json_report_has_an_empty_list_if_all_were_reached() -> None:
    world = await a_world(GOOD[0])
    assert (await report_json(world))["not_reached"] == []


async def test_the_csv_has_all_recipients_that_were_not_reached(tmp_path: Path) -> None:
    world = await a_world({"to": GOOD[7], "reference": "=1+1"}, *(str(n) for n in range(10, 70)))
    out = io.StringIO()
    await print_report(world.ledger, PrintableConsole(file=out), "t1", "r1", ReportOptions(csv=tmp_path / "missed.csv"))
    rows = list(csv.DictReader((tmp_path / "missed.csv").read_text().splitlines()))
    assert len(rows) == 61
    first, second, *_ = rows
    assert position(first.pop("log_id")) == (request_key("t1", "r1"), 0, 0)
    assert first == missed("138****0007", "failed", "rejected", reference="'=1+1", error="blacklisted")
    assert (second["reference"], second["error"]) == ("", "the address is not a valid number of its country")
    assert f"61 not reached written to {tmp_path / 'missed.csv'}" in out.getvalue().replace("\n/", "/")
    assert "not reached  reference" not in out.getvalue()


async def test_a_csv_on_standard_output_is_the_only_output() -> None:
    world = await a_world(GOOD[7])
    out = io.StringIO()
    await print_report(world.ledger, PrintableConsole(file=out), "t1", "r1", ReportOptions(csv=STDOUT))
    assert [row[:3] for row in csv.reader(out.getvalue().splitlines())] == [
        ["reference", "recipient", "status"],
        ["", "138****0007", "failed"],
    ]


async def test_a_report_counts_deliveries_as_later_receipts_say_and_notes_how_many() -> None:
    world = World(RecordingProvider())
    await world.expand(world.record(*GOOD[:2]))
    sent = [a_log("r1", index, tenant_id="t1") for index in range(2)]
    await world.ledger.logs.insert_or_get(sent)
    await world.deliver_all()
    changes = [(sent[0], moved(sent[0], Status.DELIVERED)), (sent[1], moved(sent[1], Status.FAILED))]
    await world.ledger.logs.settle(changes)
    summary, output = await report(world)
    assert summary.accounted
    assert summary.counts == {("delivered", None): 1, ("failed", "undelivered"): 1}
    assert summary.not_reached_total == 1
    assert "by receipt since then: 1 delivered, 1 failed" in output
    assert "***r1                   failed  undelivered" in output


async def test_the_error_for_an_unknown_request_names_its_tenant() -> None:
    with pytest.raises(UnknownRequest, match="Request r2 of tenant t1 was not found"):
        await report(World(), request_id="r2")


async def test_events_and_ledger_give_the_same_roll_call() -> None:
    world = await a_world(*GOOD[:30], "12", GOOD[0])
    tally = ResultTally("r1", "t1", 32)
    for _, event in 2 * world.bus.events[TOPICS.results]:
        headers = dict(event.headers())
        tally.add_event(headers["ce_type"].decode(), event.body, fresh=True)
    summary, _ = await report(world)
    from_events = tally.summary()
    assert from_events.accounted
    assert dict(from_events.counts) == dict(summary.counts)
    assert (from_events.total, from_events.not_reached_total) == (summary.total, summary.not_reached_total)


async def test_a_report_with_the_file_names_lines(tmp_path: Path) -> None:
    world = await a_world(GOOD[0], "12", {"to": GOOD[7], "reference": "order-7"}, GOOD[17])
    path = tmp_path / "people.csv"
    path.write_text(f"Nr;Mobil\n;{GOOD[0]}\n\n;12\norder-7;{GOOD[7]}\n;{GOOD[17]}\n")
    form = FileOptions(columns={"to": "Mobil", "reference": "Nr"})
    out = io.StringIO()
    console = PrintableConsole(file=out, width=100)
    await print_report(world.ledger, console, "t1", "r1", ReportOptions(csv=STDOUT, file=path, form=form))
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert [(row["reference"], row["line"]) for row in rows] == [("", "4"), ("order-7", ""), ("", "6")]
    out.seek(0)
    await print_report(world.ledger, console, "t1", "r1", ReportOptions(as_json=True, file=path, form=form))
    document = json.loads(out.getvalue()[: out.tell()])
    assert [recipient.get("line") for recipient in document["not_reached"]] == [4, None, 6]
