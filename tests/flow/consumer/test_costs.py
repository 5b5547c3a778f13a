"""What deliveries cost: in their logs and events, in the chunks, in the completion and wherever a request is shown."""

import io
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cli.console import PrintableConsole
from cli.print_logs import LogsOptions, print_logs
from cli.report.report import ReportOptions, print_report
from core.ids import request_key
from core.retry import RetryPolicy
from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from ledger.request_control import cancel_request
from providers.prices import PriceList, Prices
from schemas.statuses import Reason
from tests.flow.sample_requests import Library
from tests.flow.world import LEASE_SECONDS, Killed, RecordingProvider, World

NUMBERS = [f"138000000{n:02d}" for n in range(6)]


def eur(**by_provider: dict[str, str]) -> PriceList:
    return PriceList({name: Prices(currency="EUR", by_prefix=each) for name, each in by_provider.items()})


BOOK = eur(book={"+86": "0.045", "+8613800000005": "0"})


def priced(*providers: RecordingProvider, prices: PriceList = BOOK) -> World:
    world = World(*providers)
    world.prices = prices
    return world


async def costs(world: World) -> list[int | None]:
    return [log.cost and log.cost["EUR"] for log in await world.logs()]


def by_last_digit(**answers: SendResult) -> RecordingProvider:
    """Return a provider that answers by the last digit of the number."""

    def answer(message: Message, _: int) -> SendResult:
        return answers.get(f"n{message.to[-1]}", Sent())

    return RecordingProvider(answers=answer)


async def test_what_was_sent_or_may_have_been_sent_is_paid_by_segments() -> None:
    provider = by_last_digit(n1=Failed(Reason.REJECTED), n2=Uncertain(Reason.NO_ANSWER))
    world = priced(provider)
    long = {"to": NUMBERS[3], "variables": {"name": "x" * 161}}
    short = [{"to": number, "variables": {"name": "Li"}} for number in (*NUMBERS[:3], "+491711234567", NUMBERS[5])]
    await world.expand(world.record(*short, long, content="{{name}}"))
    await world.settle(2)
    assert await costs(world) == [45_000, None, 45_000, None, 0, 90_000]
    events = {event["index"]: event.get("cost") for event in world.events("delivery.")}
    assert events == {0: {"EUR": "0.045"}, 1: None, 2: {"EUR": "0.045"}, 3: None, 4: {"EUR": "0"}, 5: {"EUR": "0.09"}}
    (completed,) = world.events("request.completed")
    assert completed["cost"] == {"EUR": "0.18"}


async def test_without_prices_nothing_has_a_cost() -> None:
    world = priced(prices=PriceList())
    await world.expand(world.record(*NUMBERS))
    await world.settle(2)
    assert await costs(world) == [None] * 6
    assert not any("cost" in event for event in world.events())


async def test_earlier_uncertain_tries_are_paid_too() -> None:
    answers = iter([Uncertain(Reason.NO_ANSWER), Retry(Reason.UNAVAILABLE), Uncertain(Reason.NO_ANSWER), Sent()])
    world = priced(RecordingProvider(answers=lambda *_: next(answers)))
    world.limits = replace(world.limits, retry=RetryPolicy(5, timedelta(days=1)))
    await world.expand(world.record(NUMBERS[0], on_uncertain="resend"))
    await world.settle(6)
    assert await world.outcomes() == [("sent", None)]
    assert await costs(world) == [3 * 45_000]


async def test_a_cancelled_delivery_that_may_have_been_sent_is_paid() -> None:
    world = priced(RecordingProvider(answers=lambda *_: Uncertain(Reason.NO_ANSWER)))
    await world.expand(world.record(NUMBERS[0], on_uncertain="resend"))
    await world.deliver_all()
    await cancel_request(world.ledger, request_key("t1", "r1"))
    await world.settle(2)
    assert await world.outcomes() == [("unknown", "no_answer")]
    assert await costs(world) == [45_000]


@pytest.mark.parametrize(
    ("on_uncertain", "outcome", "cost"),
    [("mark_unknown", ("unknown", "interrupted"), 45_000), ("resend", ("sent", None), 90_000)],
)
async def test_a_window_of_a_process_that_died_is_paid(
    on_uncertain: str, outcome: tuple[str, str | None], cost: int
) -> None:
    died: list[str] = []

    def once(message: Message, _: int) -> SendResult:
        if not died:
            died.append(message.id)
            raise Killed
        return Sent()

    world = priced(RecordingProvider(answers=once))
    await world.expand(world.record(NUMBERS[0], on_uncertain=on_uncertain))
    assert await world.run_until_killed(world.deliver_all())
    world.pass_time(LEASE_SECONDS + 1)
    await world.settle(2)
    assert await world.outcomes() == [outcome]
    assert await costs(world) == [cost]


async def test_the_provider_that_was_called_last_has_the_price() -> None:
    first = RecordingProvider("first", answers=lambda *_: Retry(Reason.UNAVAILABLE))
    world = priced(first, RecordingProvider("second"), prices=eur(first={"": "1"}, second={"": "2.5"}))
    await world.expand(world.record(NUMBERS[0]))
    await world.settle(2)
    assert await costs(world) == [2_500_000]


async def test_http_shows_the_cost_of_a_delivery_and_of_its_request_before_and_after_its_end() -> None:
    library = Library()
    library.world.prices = BOOK
    library.world.providers[0].answers = by_last_digit(n1=Retry(Reason.UNAVAILABLE, delay_seconds=60)).answers
    async with library.service:
        await library.sent("a", NUMBERS[:2])
        running = await library.get("/communication/requests/a")
        first, second = (await library.get("/communication/logs"))["items"]
        library.world.providers[0].answers = lambda *_: Sent()
        await library.world.settle(3)
        done = await library.get("/communication/requests/a")
        (listed,) = (await library.get("/communication/requests"))["items"]
    assert (first["cost"], "cost" in second) == ({"EUR": "0.045"}, False)
    assert (running["cost"], running["complete"]) == ({"EUR": "0.045"}, False)
    assert done["cost"] == listed["cost"] == {"EUR": "0.09"}


async def test_the_command_line_shows_the_cost() -> None:
    world = priced()
    await world.expand(world.record(*NUMBERS[:2]))
    await world.settle(2)
    report = await printed_report(world)
    assert "cost: 0.09 EUR\nall accounted for: yes" in report
    assert json.loads(await printed_report(world, as_json=True))["cost"] == {"EUR": "0.09"}
    table, lines = [await printed_logs(world, as_json=each) for each in (False, True)]
    assert table.splitlines()[1].endswith("1 gsm7    0.045 EUR")
    assert json.loads(lines.splitlines()[0])["cost"] == {"EUR": "0.045"}


async def printed_report(world: World, **options: Any) -> str:
    out = io.StringIO()
    await print_report(world.ledger, PrintableConsole(file=out), "t1", "r1", ReportOptions(**options))
    return out.getvalue()


async def printed_logs(world: World, *, as_json: bool) -> str:
    out = io.StringIO()
    await print_logs(world.ledger, PrintableConsole(file=out), LogsOptions("t1", as_json=as_json), frozenset(), None)
    return out.getvalue()
