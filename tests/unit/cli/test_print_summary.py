import io
from dataclasses import replace

import pytest

from cli.console import PrintableConsole
from cli.report.print_summary import print_roll_call
from cli.report.summary import NotReached, Summary

HINT = "rollcall report req-1 --tenant tnt_test"


def printed(summary: Summary, width: int = 110) -> str:
    out = io.StringIO()
    console = PrintableConsole(file=out, width=width)
    print_roll_call(console, summary, hint=HINT)
    return out.getvalue().removesuffix("\n")


def a_missed(index: int = 1, *, reference: str = "order-1", error: str | None = None) -> NotReached:
    return NotReached(0, index, "138****8000", reference, "failed", "gave_up", error, f"log_{index}")


def test_the_roll_call_reads_as_a_table() -> None:
    summary = Summary(
        counts={("sent", None): 9_950, ("failed", "gave_up"): 1, ("failed", "invalid_recipient"): 39},
        total=9_990,
        not_reached=[a_missed(error="busy")],
        not_reached_total=40,
        accounted=True,
        notes=["a note"],
    )
    assert (
        printed(summary)
        == f"""\
status               recipients  meaning
sent                      9,950  the provider accepted the message
failed                       40  not sent, or not delivered. The reason says why.
  invalid_recipient          39    the address is not valid for this channel
  gave_up                     1    every attempt failed temporarily, until the attempts or the time ran out
total                     9,990

not reached  reference  status  reason   error
138****8000  order-1    failed  gave_up  busy
and 39 more: {HINT} --all

a note
all accounted for: yes"""
    )


def test_a_recipient_without_a_reference_is_named_by_its_line() -> None:
    missed = [a_missed(), replace(a_missed(2, reference=""), line=1_234)]
    summary = Summary(counts={}, total=2, not_reached=missed, not_reached_total=2, accounted=False)
    assert """
not reached  reference  line  status  reason   error
138****8000  order-1          failed  gave_up
138****8000             1234  failed  gave_up
""" in printed(summary)


def test_a_roll_call_without_failures_is_short() -> None:
    summary = Summary(counts={("sent", None): 2}, total=2, not_reached=(), not_reached_total=0, accounted=True)
    assert (
        printed(summary)
        == """\
status  recipients  meaning
sent             2  the provider accepted the message
total            2

all accounted for: yes"""
    )


def test_unknown_recipients_are_counted_above_the_last_line() -> None:
    counts = {("sent", None): 1_000, ("unknown", "interrupted"): 8}
    summary = Summary(counts=counts, total=1_008, not_reached=(), not_reached_total=0, accounted=True)
    assert printed(summary).splitlines()[-2:] == [
        "8 of 1,008 unknown: these messages may or may not have been sent",
        "all accounted for: yes",
    ]


@pytest.mark.parametrize(
    ("unpriced", "line"), [(0, "cost: 0.05 EUR"), (1_200, "cost: 0.05 EUR, and 1,200 SMS without a price")]
)
def test_the_cost_names_the_number_of_messages_without_a_price(unpriced: int, line: str) -> None:
    summary = Summary(
        counts={("sent", None): 2},
        total=2,
        not_reached=(),
        not_reached_total=0,
        accounted=True,
        cost={"EUR": "0.05"},
        unpriced=unpriced,
    )

    assert printed(summary).splitlines()[-2] == line


def test_the_last_line_is_no_if_a_recipient_is_not_accounted_for() -> None:
    summary = Summary(counts={}, total=2, not_reached=(), not_reached_total=0, accounted=False)
    assert printed(summary).splitlines()[-1] == "all accounted for: no"


def test_a_hint_is_printed_if_only_the_number_of_recipients_is_known() -> None:
    summary = Summary(counts={("failed", None): 3}, total=3, not_reached=(), not_reached_total=3, accounted=True)
    assert f"3 not reached: {HINT}" in printed(summary)


def test_a_callers_text_cannot_control_the_terminal_or_be_markup() -> None:
    missed = a_missed(reference="\x1b[31m[red]x\n[/red]", error="\x9b2J")
    summary = Summary(
        counts={("failed", "gave_up"): 1}, total=1, not_reached=[missed], not_reached_total=1, accounted=True
    )
    shown = printed(summary)
    assert "?[31m[red]x?[/red]" in shown
    assert not {letter for letter in shown if not letter.isprintable()} - {"\n"}


def test_an_unknown_status_is_shown() -> None:
    summary = Summary(counts={("parked", "lunch"): 1}, total=1, not_reached=(), not_reached_total=0, accounted=True)
    assert "parked            1" in printed(summary)


def test_recipients_without_a_result_are_counted_in_the_table() -> None:
    summary = Summary(counts={("sent", None): 2}, total=5, not_reached=(), not_reached_total=0, accounted=False)
    assert "-                3  no result yet\ntotal            5" in printed(summary)
