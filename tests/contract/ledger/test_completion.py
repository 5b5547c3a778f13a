"""End of a request: cancel, the single completion, its publication, and unfinished requests (I2)."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.models import Completion
from ledger.ports import Ledger
from schemas.statuses import Reason, Status
from tests.contract.ledger.conftest import Wait
from tests.contract.ledger.steps import complete, register_parts
from tests.support.builders import ACCEPTED_AT, a_head, a_key, a_part, some_counts

KEY = a_key()


async def test_a_cancel_may_be_repeated_and_comes_too_late_after_the_completion(ledger: Ledger) -> None:
    await register_parts(ledger, 0, last=0)
    first = await ledger.requests.cancel(KEY)
    second = await ledger.requests.cancel(KEY)
    await complete(ledger, some_counts(sent=3))

    assert first is not None
    assert first.cancelled
    assert second == first
    assert await ledger.requests.cancel(KEY) is None


async def test_the_completion_is_stored_from_the_counts(ledger: Ledger) -> None:
    await register_parts(ledger, 0, last=0)
    counts = Counter(
        {
            (Status.SENT, None): 5,
            (Status.FAILED, Reason.REJECTED): 2,
            (Status.FAILED, Reason.GAVE_UP): 1,
            (Status.SUPPRESSED, Reason.DUPLICATE): 1,
        },
    )

    before = await ledger.requests.completion(KEY)
    request = await complete(ledger, counts)

    assert before is None
    assert request is not None
    assert request.completion is not None
    assert await ledger.requests.completion(KEY) == request.completion
    assert await ledger.requests.completion(a_key("unknown")) is None
    assert abs(request.completion.completed_at - ledger.now()) < timedelta(seconds=30)
    assert replace(request.completion, completed_at=ACCEPTED_AT) == Completion(
        completed_at=ACCEPTED_AT,
        total=9,
        by_status={"sent": 5, "failed": 3, "suppressed": 1},
        by_reason={"rejected": 2, "gave_up": 1, "duplicate": 1},
        incomplete=False,
    )
    assert not request.completion_published
    assert await ledger.requests.get(KEY) == request


async def test_a_request_without_recipients_completes_with_empty_counts(ledger: Ledger) -> None:
    await register_parts(ledger, 0, last=0)

    request = await complete(ledger, some_counts())

    assert request is not None
    assert request.completion is not None
    assert (request.completion.total, request.completion.by_status, request.completion.by_reason) == (0, {}, {})


async def test_the_completion_of_a_cut_request_is_incomplete(ledger: Ledger) -> None:
    await register_parts(ledger, 0)
    await ledger.requests.close_intake(KEY)

    request = await complete(ledger, some_counts(sent=3))

    assert request is not None
    assert request.completion is not None
    assert request.completion.incomplete


async def test_nothing_is_completed_before_all_is_expanded(ledger: Ledger) -> None:
    async def completes() -> bool:
        return await ledger.requests.complete(KEY, some_counts(sent=3)) is not None

    await register_parts(ledger, 0)
    answers = [await completes()]
    await ledger.requests.mark_part_expanded(KEY, 0)
    answers.append(await completes())  # the last part is not known yet
    await register_parts(ledger, 2, last=2)
    await ledger.requests.mark_part_expanded(KEY, 2)
    answers.append(await completes())  # part 1 was never registered
    await register_parts(ledger, 1)
    answers.append(await completes())
    await ledger.requests.mark_part_expanded(KEY, 1)

    assert answers == [False] * 4
    assert await completes()


async def test_a_request_that_is_cut_is_completed_once_what_was_begun_is_counted_or_lost(ledger: Ledger) -> None:
    await register_parts(ledger, 0, 1)
    await ledger.requests.mark_part_expanded(KEY, 0)
    await ledger.requests.close_intake(KEY)
    before = await ledger.requests.complete(KEY, some_counts(sent=3))
    await ledger.requests.write_off_lost_parts(KEY)

    assert before is None
    assert await ledger.requests.complete(KEY, some_counts(sent=3)) is not None


async def test_the_first_completion_wins(ledger: Ledger) -> None:
    await register_parts(ledger, 0, last=0)
    first = await complete(ledger, some_counts(sent=3))

    assert await complete(ledger, some_counts(failed=3)) is None
    assert await ledger.requests.get(KEY) == first


async def test_an_announcement_is_noted_and_may_be_repeated(ledger: Ledger) -> None:
    await register_parts(ledger, 0, last=0)
    await complete(ledger, some_counts(sent=3))

    await ledger.requests.mark_completion_published(KEY)
    await ledger.requests.mark_completion_published(KEY)

    request = await ledger.requests.get(KEY)
    assert request is not None
    assert request.completion_published


async def found(ledger: Ledger, *, idle_seconds: float = 60, limit: int = 10) -> list[str]:
    requests = await ledger.requests.take_unfinished(idle_seconds=idle_seconds, limit=limit)
    return [request.header.request_id for request in requests]


async def test_a_request_is_left_alone_until_it_was_idle_for_long(ledger: Ledger, wait: Wait) -> None:
    await register_parts(ledger, 0)
    fresh = await found(ledger)
    await wait(61)

    assert fresh == []
    assert await found(ledger) == ["req-1"]


async def test_each_find_restarts_the_idle_time(ledger: Ledger, wait: Wait) -> None:
    await register_parts(ledger, 0)
    await wait(61)
    first = await found(ledger)
    at_once = await found(ledger)
    await wait(61)

    assert (first, at_once, await found(ledger)) == (["req-1"], [], ["req-1"])


async def test_a_completion_not_announced_is_unfinished(ledger: Ledger, wait: Wait) -> None:
    await register_parts(ledger, 0, last=0)
    await complete(ledger, some_counts(sent=3))
    await wait(61)
    completed = await found(ledger)
    await ledger.requests.mark_completion_published(KEY)
    await wait(61)

    assert completed == ["req-1"]
    assert await found(ledger) == []


async def test_the_longest_idle_are_found_first_and_no_more_than_asked(ledger: Ledger, wait: Wait) -> None:
    for name in ("c", "a", "b"):
        await ledger.requests.register_part(a_head(name), a_part())
        await wait(0.02)
    await wait(61)

    assert await found(ledger, limit=2) == ["c", "a"]
    assert await found(ledger, limit=2) == ["b"]


async def test_a_find_names_no_request_twice(ledger: Ledger) -> None:
    await ledger.requests.register_part(a_head("a"), a_part())
    await ledger.requests.register_part(a_head("b"), a_part())

    names = await found(ledger, idle_seconds=0)

    assert len(names) == len(set(names))


async def test_sweepers_at_once_share_the_finds_out(ledger: Ledger, wait: Wait) -> None:
    names = [f"req-{number}" for number in range(6)]
    for name in names:
        await ledger.requests.register_part(a_head(name), a_part())
    await wait(61)

    answers = await asyncio.gather(*(found(ledger, limit=4) for _ in range(4)))

    assert sorted(name for answer in answers for name in answer) == names


async def test_a_scheduled_request_is_left_alone_until_its_time(ledger: Ledger, wait: Wait) -> None:
    send_at = ledger.now() + timedelta(seconds=100)
    await ledger.requests.register_part(a_head(send_at=send_at), a_part())

    await wait(60)
    assert await found(ledger, idle_seconds=10) == []
    await wait(60)
    assert await found(ledger, idle_seconds=10) == ["req-1"]


@pytest.mark.parametrize("ends", ["cancelled", "completed"])
async def test_a_scheduled_request_that_ends_early_is_found_at_once(ledger: Ledger, wait: Wait, ends: str) -> None:
    await ledger.requests.register_part(a_head(send_at=ledger.now() + timedelta(days=300)), a_part())
    if ends == "cancelled":
        await ledger.requests.cancel(KEY)
    else:
        await complete(ledger, some_counts())

    await wait(11)
    assert await found(ledger, idle_seconds=10) == ["req-1"]
