"""Several messages in one call: how large it is, its rate, what its answers mean, and a stop while it runs."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from consumer.context import ConsumerContext
from consumer.flow_control.byte_room import LARGEST_SHARE, ByteRoom
from consumer.provider_caller import ProviderCaller
from core.ids import request_key
from core.send_result import Failed, SendResult, Sent
from ledger.request_control import cancel_request, pause_request, resume_request
from providers.draft import WITHDRAWN, Draft, as_it_is
from schemas.statuses import Reason
from tests.flow.world import LEASE_SECONDS, START, RecordingProvider, World
from tests.support.polling import wait_until

KEY = request_key("t1", "r1")
NUMBERS = [f"138000000{n:02d}" for n in range(8)]
CALLS = 3
"""Number of calls for all numbers."""
EXPIRES_SECONDS = 10.0
"""Time until the request expires, shorter than a lease."""


@dataclass
class BatchProvider(RecordingProvider):
    """A provider that takes the messages of a call one after the other, as a mail server does."""

    batch_size = 3
    sizes: list[int] = field(default_factory=list)
    """Number of messages of each call."""
    bytes_of_calls: list[int] = field(default_factory=list)
    says: Callable[[list[SendResult]], list[SendResult]] = list
    """Given the results of the call that has the fourth number."""
    waiting: int = 0
    """Number of calls that waited after their first message. As many as CALLS wait."""
    may_go_on: asyncio.Event | None = None

    async def send(self, drafts: Sequence[Draft]) -> list[SendResult]:
        self.sizes.append(len(drafts))
        self.bytes_of_calls.append(sum(draft.size for draft in drafts))
        messages = [await draft.prepare(as_it_is) for draft in drafts]
        results = [await self._write(place, draft) for place, draft in enumerate(drafts)]
        return self.says(results) if messages[0].to.endswith(NUMBERS[3]) else results

    async def _write(self, place: int, draft: Draft) -> SendResult:
        if place == 1 and self.may_go_on and self.waiting < CALLS:
            self.waiting += 1
            await self.may_go_on.wait()
        return await self.send_one(draft) if draft.may_leave() else WITHDRAWN


def a_world(**provider: object) -> tuple[World, BatchProvider]:
    """Return a world whose windows have all numbers, and its provider."""
    book = BatchProvider(**provider)  # type: ignore[arg-type]
    world = World(book)
    world.limits = replace(world.limits, chunk_size=len(NUMBERS), window_size=len(NUMBERS))
    return world, book


def with_passing_time(world: World) -> ConsumerContext:
    """Return a process for which time passes while it waits for the rate."""
    context = world.context()

    async def sleep(seconds: float) -> None:
        for _ in range(9):  # the calls that may begin do so first
            await asyncio.sleep(0)
        world.pass_time(seconds + 1e-6)  # the clock has whole microseconds, and must not stop before the end

    return replace(context, provider_caller=ProviderCaller(context.metrics, context.monotonic, sleep))


@pytest.mark.parametrize(
    ("rate", "sizes"),
    [(None, [3, 3, 2]), (100.0, [3, 3, 2]), (2.9, [2, 2, 2, 2]), (0.5, [1] * 8)],
    ids=["without a rate", "of a high rate", "of a low rate", "of less than one a second"],
)
async def test_a_call_is_a_batch_and_at_most_one_second_of_the_rate(rate: float | None, sizes: list[int]) -> None:
    world, book = a_world(rate_per_second=rate)
    await world.expand(world.record(*NUMBERS))
    await world.deliver_all(with_passing_time(world))
    assert book.sizes == sizes
    assert await world.outcomes() == [("sent", None)] * len(NUMBERS)


@pytest.mark.parametrize(("messages_of_room", "sizes"), [(2.5, [2, 2, 2, 2]), (0.5, [1] * 8)])
async def test_a_call_has_at_most_the_bytes_of_the_room_and_one_message_at_least(
    messages_of_room: float, sizes: list[int]
) -> None:
    world, book = a_world()
    await world.expand(world.record(NUMBERS[0], request_id="r0"))
    await world.deliver_all()
    room = ByteRoom(LARGEST_SHARE * round(messages_of_room * book.bytes_of_calls[0]))
    await world.expand(world.record(*NUMBERS))
    await world.deliver_all(replace(world.context(), message_room=room))
    assert book.sizes[1:] == sizes
    assert max(book.bytes_of_calls) <= max(room.largest, book.bytes_of_calls[0])


async def test_the_rate_counts_messages_and_not_calls() -> None:
    world, book = a_world(rate_per_second=3.0)
    context = with_passing_time(world)
    began: list[float] = []
    book.answers = lambda *_: began.append(context.monotonic()) or Sent()
    await world.expand(world.record(*NUMBERS))
    await world.deliver_all(context)
    assert began == pytest.approx([0, 0, 0, 1, 1, 1, 2, 2], abs=0.01)


async def test_messages_that_a_provider_sends_once_more_count_once_more() -> None:
    class Dividing(BatchProvider):
        async def send(self, drafts: Sequence[Draft]) -> list[SendResult]:
            assert await drafts[0].wait_for_rate(len(drafts))
            return await super().send(drafts)

    book = Dividing(rate_per_second=3.0)
    world = World(book)
    context = with_passing_time(world)
    began: list[float] = []
    book.answers = lambda *_: began.append(context.monotonic()) or Sent()
    await world.expand(world.record(*NUMBERS[:2]))
    await world.deliver_all(context)
    assert began == pytest.approx([2 / 3] * 2, abs=0.01)


async def test_each_message_of_a_call_has_its_own_result() -> None:
    refused = {NUMBERS[0], NUMBERS[4]}
    world, _ = a_world(answers=lambda message, _: Failed(Reason.REJECTED) if message.to[-11:] in refused else Sent())
    await world.expand(world.record(*NUMBERS))
    await world.deliver_all()
    results = [("failed", "rejected") if number in refused else ("sent", None) for number in NUMBERS]
    assert await world.outcomes() == results


def breaks(_: list[SendResult]) -> list[SendResult]:
    raise ConnectionResetError


@pytest.mark.parametrize(
    "says",
    [breaks, lambda results: results[:-1], lambda results: [*results, Sent()]],
    ids=["an exception", "one result too few", "one result too many"],
)
async def test_of_a_call_without_a_clear_answer_each_message_is_unknown_and_no_other(
    says: Callable[[list[SendResult]], list[SendResult]],
) -> None:
    world, book = a_world(says=says)
    await world.expand(world.record(*NUMBERS))
    await world.settle(3)
    assert await world.outcomes() == [("sent", None)] * 3 + [("unknown", "no_answer")] * 3 + [("sent", None)] * 2
    assert set(book.calls.values()) == {1}


# ---------------------------------------------------------------------- a stop while calls run


async def nothing(world: World) -> None:
    """Leave the request as it is."""


async def cancel(world: World) -> None:
    await cancel_request(world.ledger, KEY)


async def pause(world: World) -> None:
    await pause_request(world.ledger, KEY)


async def expire(world: World) -> None:
    world.pass_time(EXPIRES_SECONDS)


async def stopped_while_calls_run(
    world: World, book: BatchProvider, happens: Callable[[World], Awaitable[None]], *, renews: bool = True
) -> None:
    """Let something happen, and a renewal of the lease, when the first message of each call has left."""
    renewal, naps = asyncio.Event(), list[float]()

    async def sleep(seconds: float) -> None:
        naps.append(seconds)
        await (renewal.wait() if len(naps) == 1 else asyncio.Event().wait())

    book.may_go_on = asyncio.Event()
    delivering = asyncio.create_task(world.deliver_all(replace(world.context(), sleep=sleep)))
    await wait_until(lambda: book.waiting == CALLS, seconds=10)
    await happens(world)
    if renews:
        renewal.set()
        await wait_until(lambda: len(naps) == 2, seconds=10)
    book.may_go_on.set()
    await delivering


@pytest.mark.parametrize(
    ("happens", "outcome"),
    [(cancel, ("cancelled", "cancelled")), (expire, ("expired", "expired")), (nothing, ("sent", None))],
)
async def test_a_cancel_and_an_expiry_reach_the_messages_that_have_not_left(
    happens: Callable[[World], Awaitable[None]], outcome: tuple[str, str | None]
) -> None:
    world, book = a_world()
    expires_at = START + timedelta(seconds=EXPIRES_SECONDS)
    await world.expand(world.record(*NUMBERS, expires_at=expires_at.isoformat()))
    await stopped_while_calls_run(world, book, happens)
    first_of_a_call = {0, 3, 6}
    wanted = [("sent", None) if at in first_of_a_call else outcome for at in range(len(NUMBERS))]
    assert await world.outcomes() == wanted
    assert book.taken.total() == wanted.count(("sent", None))


async def test_messages_that_have_not_left_at_a_pause_are_sent_after_it_once() -> None:
    world, book = a_world()
    await world.expand(world.record(*NUMBERS))
    await stopped_while_calls_run(world, book, pause)
    assert book.taken.total() == CALLS
    await resume_request(world.ledger, KEY)
    await world.settle(2)
    assert await world.outcomes() == [("sent", None)] * len(NUMBERS)
    assert set(book.taken.values()) == {1}


async def test_messages_that_have_not_left_when_the_lease_ends_are_left_to_the_next_owner() -> None:
    world, book = a_world()
    await world.expand(world.record(*NUMBERS, on_uncertain="resend"))

    async def take_over(world: World) -> None:
        world.pass_time(LEASE_SECONDS + 1)
        await world.deliver_all()

    await stopped_while_calls_run(world, book, take_over, renews=False)
    await world.settle(2)
    assert await world.outcomes() == [("sent", None)] * len(NUMBERS)
    assert Counter(book.taken.values()) == {2: CALLS, 1: len(NUMBERS) - CALLS}
