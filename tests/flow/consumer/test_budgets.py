"""Budgets of requests: what is paid never exceeds them, whatever crashes."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from core.ids import request_key
from core.routes import Route, RouteRule, Routes, Target
from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from ledger.request_control import pause_request, resume_request
from providers.draft import Draft
from providers.prices import PriceList, Prices
from schemas.statuses import Channel, Reason
from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.flow.world import LEASE_SECONDS, Killed, RecordingProvider, Steps, World
from tests.support.service import a_token

NUMBERS = [f"138000000{n:02d}" for n in range(10)]
SUPPRESSED = ("suppressed", "budget_exhausted")
UNIT = 1_000_000


def at(**amounts: str) -> PriceList:
    return PriceList({name: Prices(currency="EUR", by_prefix={"": amount}) for name, amount in amounts.items()})


def priced(*providers: RecordingProvider, prices: PriceList | None = None) -> World:
    world = World(*providers)
    world.prices = at(book="1") if prices is None else prices
    return world


def answering(*answers: SendResult, then: SendResult | None = None) -> Callable[[Message, int], SendResult]:
    """Return a function that gives these answers in order, and then always the last one."""
    left = iter(answers)
    return lambda *_: next(left, then or Sent())


def reserved(world: World, request_id: str = "r1") -> int:
    document = world.ledger.requests._store.requests[request_key("t1", request_id)]
    return sum(amount for _, amount in document.reserved.values())


async def paid(world: World) -> int:
    return sum((log.cost or {}).get("EUR", 0) for log in await world.logs())


async def test_a_request_stops_before_its_budget_is_passed() -> None:
    provider = RecordingProvider()
    world = priced(provider)
    await world.expand(world.record(*NUMBERS, budget="3.5"))
    await world.settle(2)
    assert await world.outcomes() == [("sent", None)] * 3 + [SUPPRESSED] * 7
    assert [(log.attempts, log.segments) for log in await world.logs()] == [(1, 1)] * 3 + [(0, None)] * 7
    assert (sum(provider.calls.values()), await paid(world), reserved(world)) == (3, 3 * UNIT, 3 * UNIT)
    (completed,) = world.events("request.completed")
    assert (completed["cost"], completed["by_reason"]) == ({"EUR": "3"}, {"budget_exhausted": 7})


async def test_a_cheaper_delivery_still_fits() -> None:
    prices = PriceList({"book": Prices(currency="EUR", by_prefix={"": "2", "+8613800000002": "0.5"})})
    world = priced(RecordingProvider(), prices=prices)
    await world.expand(world.record(*NUMBERS[:4], budget="2.5"))
    await world.settle(2)
    assert await world.outcomes() == [("sent", None), SUPPRESSED, ("sent", None), SUPPRESSED]


async def test_longer_texts_reserve_more() -> None:
    world = priced(RecordingProvider())
    people = [{"to": to, "variables": {"name": "x" * length}} for to, length in zip(NUMBERS, (400, 1, 1), strict=False)]
    await world.expand(world.record(*people, content="{{name}}", budget="2"))
    await world.settle(2)
    assert await world.outcomes() == [SUPPRESSED, ("sent", None), ("sent", None)]


async def test_what_was_refused_is_given_back() -> None:
    world = priced(RecordingProvider(answers=answering(Failed(Reason.REJECTED), Failed(Reason.REJECTED))))
    await world.expand(world.record(*NUMBERS[:4], budget="2"))
    await world.settle(2)
    assert await world.outcomes() == [("failed", "rejected")] * 2 + [("sent", None)] * 2
    assert reserved(world) == 2 * UNIT


async def test_a_request_without_a_budget_reserves_nothing() -> None:
    world, steps = priced(), Steps()
    await world.expand(world.record(*NUMBERS), world.context(steps))
    await world.deliver_all(world.context(steps))
    assert "requests.reserve" not in steps.done
    assert "requests.close_small" in steps.done or "chunks.close" in steps.done


async def test_a_window_costs_one_reservation_and_no_other_write_but_the_first() -> None:
    world, steps = priced(), Steps()
    await world.expand(world.record(*NUMBERS[:4], budget="10"), world.context(steps))
    await world.deliver_all(world.context(steps))
    written = [name for name in steps.done if name in {"requests.reserve", "chunks.advance", "logs.insert_or_get"}]
    assert written == [
        "requests.reserve",
        "chunks.advance",
        "logs.insert_or_get",
        "requests.reserve",
        "chunks.advance",
        "logs.insert_or_get",
    ]


async def test_the_price_of_the_next_provider_must_fit_too() -> None:
    first = RecordingProvider("first", answers=lambda *_: Retry(Reason.UNAVAILABLE))
    world = priced(first, RecordingProvider("second"), prices=at(first="1", second="5"))
    await world.expand(world.record(NUMBERS[0], budget="3"))
    await world.settle(2)
    assert await world.outcomes() == [SUPPRESSED]
    assert [(log.attempts, log.cost) for log in await world.logs()] == [(0, None)]


async def test_a_delivery_that_new_routes_move_to_another_window_is_decided_once() -> None:
    first = RecordingProvider("first", answers=lambda *_: Failed(Reason.REJECTED, "HTTP 400"))
    second = RecordingProvider("second")
    world = priced(first, second, prices=at(first="1", second="1"))
    await world.expand(world.record(NUMBERS[0], "+12025550123", budget="1"))
    world.routes = Routes([RouteRule(Channel.SMS, Route((Target("second"),)), prefix="+1")])
    await world.settle(8)
    assert await world.outcomes() == [("failed", "rejected"), ("sent", None)]
    assert (first.calls.total(), second.taken.total()) == (1, 1)
    (completed,) = world.events("request.completed")
    assert completed["total"] == 2


async def test_the_doubt_of_a_delivery_whose_log_a_dead_owner_wrote_counts_once() -> None:
    killed_at = 0
    while True:
        provider = RecordingProvider(
            answers=lambda message, n: Uncertain(Reason.NO_ANSWER) if n == 0 and message.to.endswith("00") else Sent()
        )
        world = priced(provider)
        await world.expand(world.record(*NUMBERS[:2], budget="3", on_uncertain="resend"))
        await world.deliver_all()
        world.pass_time(20)
        died = await world.run_until_killed(world.deliver_all(world.context(Steps(killed_at, after=True))))
        world.pass_time(LEASE_SECONDS)
        await world.settle(4)
        if ("unknown", "interrupted") not in await world.outcomes():
            assert await paid(world) <= 3 * UNIT
            assert {status for status, _ in await world.outcomes()} <= {"sent", "unknown"}, killed_at
        if not died:
            break
        killed_at += 1
    assert killed_at > 5


async def test_a_provider_without_a_price_counts_as_the_dearest_one() -> None:
    world = priced(RecordingProvider("own"), prices=at(other="2"))
    await world.expand(world.record(*NUMBERS[:2], budget="3"))
    await world.settle(2)
    assert await world.outcomes() == [("sent", None), SUPPRESSED]
    assert await paid(world) == 2 * UNIT


async def test_a_delivery_that_may_have_been_sent_ends_unknown_if_no_other_try_fits() -> None:
    world = priced(RecordingProvider(answers=lambda *_: Uncertain(Reason.NO_ANSWER)))
    await world.expand(world.record(NUMBERS[0], budget="1.5", on_uncertain="resend"))
    await world.settle(4)
    (log,) = await world.logs()
    assert (log.outcome.value, log.attempts, log.cost) == ("unknown", 1, {"EUR": UNIT})


async def test_a_pause_gives_back_what_was_not_sent() -> None:
    world = priced()
    await world.expand(world.record(*NUMBERS[:4], budget="2"))
    await pause_request(world.ledger, request_key("t1", "r1"))
    await world.deliver_all()
    await resume_request(world.ledger, request_key("t1", "r1"))
    await world.settle(2)
    assert await world.outcomes() == [("sent", None)] * 2 + [SUPPRESSED] * 2


async def test_several_consumers_at_work_keep_the_budget() -> None:
    class Slow(RecordingProvider):
        async def send_one(self, draft: Any) -> SendResult:
            for _ in range(5):
                await asyncio.sleep(0)
            return await super().send_one(draft)

    provider = Slow()
    world = priced(provider)
    world.limits = replace(world.limits, chunk_size=2, window_size=1)
    await world.expand(world.record(*NUMBERS, budget="5"))
    await asyncio.gather(*(world.deliver_all(world.context()) for _ in range(3)))
    await world.settle(2)
    assert sorted(await world.outcomes()) == [("sent", None)] * 5 + [SUPPRESSED] * 5
    assert (sum(provider.taken.values()), await paid(world)) == (5, 5 * UNIT)


@pytest.mark.parametrize("on_uncertain", ["mark_unknown", "resend"])
@pytest.mark.parametrize("after", [False, True])
async def test_a_kill_at_any_step_keeps_the_budget(on_uncertain: str, *, after: bool) -> None:
    for kill_at in range(200):
        provider = RecordingProvider()
        world = priced(provider)
        body = {"budget": "3", "on_uncertain": on_uncertain}
        steps = Steps(kill_at, after=after)
        context = world.context(steps)

        async def work(world: World = world, body: dict[str, str] = body, context: Any = context) -> None:
            await world.expand(world.record(*NUMBERS[:6], **body), context)
            await world.deliver_all(context)

        killed = await world.run_until_killed(work())
        world.pass_time(LEASE_SECONDS + 61)
        await world.expand(world.record(*NUMBERS[:6], **body))
        await world.settle(8)
        where = f"killed {'after' if after else 'before'} step {kill_at}: {steps.done[-1:]}"
        assert len(await world.logs()) == 6, where
        assert sum(provider.taken.values()) * UNIT <= await paid(world) <= 3 * UNIT, where
        assert await paid(world) <= reserved(world) <= 3 * UNIT, where
        if not killed:
            return
    raise AssertionError("every step killed the process")


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ((Retry(Reason.UNAVAILABLE),) * 2, ("unknown", "no_answer")),
        ((Retry(Reason.UNAVAILABLE), Sent()), ("sent", None)),
        ((Uncertain(Reason.NO_ANSWER), Sent()), ("sent", None)),
    ],
)
async def test_tries_at_a_provider_that_deduplicates_are_paid_once_that_of_a_dead_owner_included(
    answers: tuple[SendResult, ...], outcome: tuple[str, str | None]
) -> None:
    def answer(_: Message, calls: int) -> SendResult:
        if not died:
            died.append(calls)
            raise Killed
        return next(left)

    died: list[int] = []
    left = iter(answers)
    world = priced(RecordingProvider(deduplicates=True, answers=answer))
    await world.expand(world.record(NUMBERS[0], budget="1"))
    assert await world.run_until_killed(world.deliver_all())
    world.pass_time(LEASE_SECONDS + 1)
    await world.settle(4)
    assert (await world.outcomes(), await paid(world), reserved(world)) == ([outcome], UNIT, UNIT)


@pytest.mark.parametrize("second_dies", [False, True])
async def test_a_log_of_a_frozen_owner_does_not_give_back_what_the_next_one_paid(*, second_dies: bool) -> None:
    gate = asyncio.Event()

    class First(RecordingProvider):
        async def send_one(self, draft: Draft) -> SendResult:
            result = await super().send_one(draft)
            await gate.wait()
            return result

    class Second(RecordingProvider):
        async def send_one(self, draft: Draft) -> SendResult:
            result = await super().send_one(draft)
            gate.set()
            await frozen
            if second_dies:
                raise Killed
            return result

    first, second = First(), Second()
    world = priced(first)
    await world.expand(world.record(NUMBERS[0], budget="2", on_uncertain="resend"))
    frozen = asyncio.create_task(world.deliver_all(world.context()))
    await asyncio.sleep(0.01)
    world.pass_time(LEASE_SECONDS + 61)
    world.providers = (second,)
    assert await world.run_until_killed(world.settle(2)) is second_dies
    world.pass_time(LEASE_SECONDS + 1)
    await world.settle(2)
    assert await world.outcomes() == [("sent", None)]
    assert first.taken.total() + second.taken.total() == 2
    assert reserved(world) == 2 * UNIT


async def test_a_consumer_without_prices_leaves_the_deliveries_to_one_that_has_them() -> None:
    world = priced()
    await world.expand(world.record(NUMBERS[0], budget="1"))
    prices, world.prices = world.prices, PriceList()
    await world.deliver_all()
    assert await world.outcomes() == []
    world.prices = prices
    await world.settle(3)
    assert [(log.outcome.value, log.attempts) for log in await world.logs()] == [("sent", 1)]


async def test_a_budget_without_prices_is_rejected_unless_the_request_is_stored() -> None:
    world = priced(prices=PriceList())
    record = world.record(NUMBERS[0], budget="1")
    await world.expand(record)
    (event,) = world.events("request.rejected")
    assert (event["reason"], event["fields"]) == ("invalid_schema", ["budget"])
    assert event["message"].startswith("budget: must not be given, because no provider of the channel has prices.")
    world = priced()
    await world.expand(record)
    world.prices = PriceList()
    await world.expand(record)
    assert world.events("request.rejected") == []


@pytest.mark.parametrize("fields", [{"budget": "-1"}, {"budget": 1.5}, {"budget": "1.0000001"}])
async def test_a_budget_is_an_exact_amount(fields: dict[str, Any]) -> None:
    world = priced()
    await world.expand(world.record(NUMBERS[0], **fields))
    assert world.events("request.rejected")[0]["fields"] == ["budget"]


async def test_the_way_of_a_budget_from_http_to_the_ledger() -> None:
    body = {"channel": "sms", "content": "hi", "recipients": NUMBERS[:3]}
    async with ServiceAndConsumer(budget_currency="EUR") as both:
        both.world.prices = at(book="1")
        answer = await both.send({**body, "budget": "2.50"}, key="priced")
        assert answer.status_code == 200
        request_id = answer.headers["X-Request-Id"]
        await both.consume()
        stored = await both.world.ledger.requests.get(both.key(request_id))
        assert stored is not None
        assert stored.header.budget == {"EUR": 2_500_000}
        logs = await both.world.logs(request_id, "tnt_a")
        assert [log.reason for log in logs] == [None, None, Reason.BUDGET_EXHAUSTED]
        shown = await both.service.get(f"/communication/requests/{request_id}", a_token("communication:read"))
        assert (shown.json()["budget"], shown.json()["cost"]) == ({"EUR": "2.5"}, {"EUR": "2"})
        answer = await both.send(body, key="plain")
        await both.consume()
        plain = await both.world.ledger.requests.get(both.key(answer.headers["X-Request-Id"]))
        assert plain is not None
        assert plain.header.budget is None
        mail = {**body, "channel": "email", "subject": "s", "recipients": ["a@example.com"], "budget": "1"}
        assert (await both.send(mail)).status_code == 400


async def test_without_prices_http_refuses_a_budget() -> None:
    async with ServiceAndConsumer() as both:
        answer = await both.send({"channel": "sms", "content": "hi", "recipients": NUMBERS[:1], "budget": "1"})
        assert answer.status_code == 400
        assert answer.json()["message"].startswith("budget: must not be given, because no provider of the channel has")
        assert both.records() == 0
