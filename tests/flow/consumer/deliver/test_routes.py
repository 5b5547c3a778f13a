"""Routes: each recipient goes to the providers of its route, and a refusal costs no attempt while one is left."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from core.routes import Route, RouteRule, Routes, Target
from core.send_result import Message, Retry, SendResult, Sent, Uncertain
from schemas.statuses import Category, Channel, Reason
from tests.flow.world import LEASE_SECONDS, RecordingProvider, Steps, World

CHINA = [f"138000000{n:02d}" for n in range(4)]
GERMANY = [f"+493012345{n:02d}" for n in range(4)]
MIXED = [number for pair in zip(CHINA, GERMANY, strict=True) for number in pair]
UNAVAILABLE = Retry(Reason.UNAVAILABLE, "HTTP 503")


def to(*names: str) -> Route:
    return Route(tuple(Target(name, at) for at, name in enumerate(names)))


def rule(*names: str, prefix: str | None = None, **conditions: object) -> RouteRule:
    return RouteRule(Channel.SMS, to(*names), prefix=prefix, **conditions)  # type: ignore[arg-type]


def a_world(*rules: RouteRule, **answers: SendResult) -> tuple[World, dict[str, RecordingProvider]]:
    """Return a world with the providers `first`, `second` and `third`. One that has no answer sends."""
    names = ("first", "second", "third")
    providers = {name: RecordingProvider(name, answers=_always(answers.get(name, Sent()))) for name in names}
    world = World(*providers.values())
    world.routes = Routes(rules)
    return world, providers


def _always(answer: SendResult) -> Callable[[Message, int], SendResult]:
    return lambda *_: answer


async def used(world: World) -> Counter[str | None]:
    return Counter(log.provider for log in await world.logs())


async def test_recipients_of_one_chunk_go_to_the_providers_of_their_routes() -> None:
    world, providers = a_world(rule("first"), rule("second", prefix="+86"))
    await world.expand(world.record(*MIXED))
    await world.deliver_all()
    assert {message.to[:3] for message in providers["second"].texts.values()} == {"+86"}
    assert await used(world) == {"first": 4, "second": 4}
    assert [log.attempts for log in await world.logs()] == [1] * 8


async def test_a_route_is_chosen_by_the_category_of_the_request() -> None:
    world, _ = a_world(rule("third", category=Category.MARKETING))
    await world.expand(world.record(CHINA[0], request_id="news", category="marketing"))
    await world.expand(world.record(CHINA[0], request_id="code"))
    await world.deliver_all()
    providers = {name: [log.provider for log in await world.logs(name)] for name in ("news", "code")}
    assert providers == {"news": ["third"], "code": ["first"]}


async def test_a_refusal_goes_to_the_next_provider_of_the_route_at_once_and_without_an_attempt() -> None:
    world, providers = a_world(rule("third", "second"), third=UNAVAILABLE)
    await world.expand(world.record(*CHINA[:2]))
    await world.deliver_all()
    assert [(log.outcome, log.provider, log.attempts) for log in await world.logs()] == [("sent", "second", 1)] * 2
    assert not providers["first"].calls


async def test_an_attempt_is_one_round_of_all_providers_of_the_route() -> None:
    world, providers = a_world(rule("third", "second"), third=UNAVAILABLE, second=UNAVAILABLE)
    await world.expand(world.record(CHINA[0]))
    await world.settle()
    attempts = world.limits.retry.max_attempts
    assert [provider.calls.total() for provider in providers.values()] == [0, attempts, attempts]
    assert [(log.outcome, log.reason, log.attempts) for log in await world.logs()] == [("failed", "gave_up", attempts)]


@pytest.mark.parametrize("on_uncertain", ["mark_unknown", "resend"])
async def test_a_delivery_that_may_have_been_sent_is_no_failover(on_uncertain: str) -> None:
    world, providers = a_world(rule("third", "second"), third=Uncertain(Reason.NO_ANSWER, "cut"))
    await world.expand(world.record(CHINA[0], on_uncertain=on_uncertain))
    await world.deliver_all()
    assert providers["third"].calls.total() == 1
    assert not providers["second"].calls


async def test_a_request_names_its_provider() -> None:
    world, providers = a_world(rule("first"), second=UNAVAILABLE)
    await world.expand(world.record(CHINA[0], provider="second"))
    await world.settle()
    assert [(log.outcome, log.provider) for log in await world.logs()] == [("failed", "second")]
    assert not providers["first"].calls


async def test_routes_that_changed_after_the_expansion_hold_for_what_was_not_sent() -> None:
    world, _ = a_world(rule("first"))
    await world.expand(world.record(*MIXED))
    world.routes = Routes([rule("second", prefix="+86"), rule("third")])
    await world.deliver_all()
    assert await used(world) == {"second": 4, "third": 4}


async def test_a_crash_at_any_step_between_two_providers_sends_nothing_twice() -> None:
    killed_at = 0
    while True:
        world, providers = a_world(rule("third", "second"), rule("first", "second", prefix="+86"), third=UNAVAILABLE)
        world.limits = replace(world.limits, chunk_size=8)
        await world.expand(world.record(*MIXED))
        died = await world.run_until_killed(world.deliver_all(world.context(Steps(killed_at))))
        world.pass_time(LEASE_SECONDS)
        await world.settle()
        taken = sum((provider.taken for provider in providers.values()), Counter[str]())
        assert {outcome for outcome, _ in await world.outcomes()} <= {"sent", "unknown"}, killed_at
        assert len(await world.logs()) == len(MIXED)
        assert max(taken.values()) == 1, killed_at
        if not died:
            break
        killed_at += 1
    assert killed_at > 20
