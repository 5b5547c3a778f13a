"""A window that kills every process that sends it is sent a limited number of times."""

import pytest

from core.ids import request_key
from core.send_result import Message, SendResult, Sent
from ledger.request_control import pause_request, resume_request
from tests.flow.world import LEASE_SECONDS, Killed, RecordingProvider, World

NUMBERS = [f"138000000{n:02d}" for n in range(4)]


def deadly(message: Message, before: int) -> SendResult:
    """Kill the process that sends to one number."""
    del before
    if message.to.endswith("01"):
        raise Killed
    return Sent()


async def deaths(world: World, most: int) -> int:
    """Return how many processes die of the due chunks until one survives."""
    for number in range(most):
        if not await world.run_until_killed(world.deliver_all()):
            return number
        world.pass_time(LEASE_SECONDS + 61)
    raise AssertionError("it kills for ever")


@pytest.mark.parametrize(("on_uncertain", "deduplicates"), [("resend", False), ("mark_unknown", True)])
async def test_a_take_over_spends_an_attempt_and_the_last_one_ends_as_unknown(
    on_uncertain: str,
    deduplicates: bool,  # noqa: FBT001
) -> None:
    world = World(RecordingProvider(answers=deadly, deduplicates=deduplicates))
    await world.expand(world.record(*NUMBERS, on_uncertain=on_uncertain))
    assert await deaths(world, 10) == world.limits.retry.max_attempts
    await world.settle(4)
    assert await world.outcomes() == [("unknown", "interrupted")] * 2 + [("sent", None)] * 2
    assert [log.attempts for log in await world.logs()] == [3, 3, 1, 1]
    (completed,) = world.events("request.completed")
    assert completed["by_status"] == {"unknown": 2, "sent": 2}


async def test_a_window_that_kills_no_process_is_sent_after_a_take_over() -> None:
    killed = []

    def once(message: Message, before: int) -> SendResult:
        del before
        if message.to.endswith("01") and not killed:
            killed.append(message.id)
            raise Killed
        return Sent()

    world = World(RecordingProvider(answers=once))
    await world.expand(world.record(*NUMBERS, on_uncertain="resend"))
    assert await deaths(world, 10) == 1
    await world.settle(4)
    assert await world.outcomes() == [("sent", None)] * 4
    assert [log.attempts for log in await world.logs()] == [2, 2, 1, 1]


@pytest.mark.parametrize(("on_uncertain", "deduplicates"), [("resend", False), ("mark_unknown", True)])
async def test_a_pause_after_each_crash_gives_a_window_no_additional_attempt(
    on_uncertain: str,
    deduplicates: bool,  # noqa: FBT001
) -> None:
    world = World(RecordingProvider(answers=deadly, deduplicates=deduplicates))
    await world.expand(world.record(*NUMBERS, on_uncertain=on_uncertain))
    key, died = request_key("t1", "r1"), 0
    while await world.run_until_killed(world.deliver_all()):
        died += 1
        world.pass_time(LEASE_SECONDS + 61)
        assert await pause_request(world.ledger, key)
        await world.deliver_all()
        await resume_request(world.ledger, key)
    assert died == world.limits.retry.max_attempts
    await world.settle(4)
    assert await world.outcomes() == [("unknown", "interrupted")] * 2 + [("sent", None)] * 2
