"""Stored requests: fields of the first expansion, parts, single completion (I2, I5)."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ledger.ports import Ledger
from schemas.statuses import Category, Channel, ContentType, OnUncertain
from tests.contract.ledger.conftest import Wait
from tests.contract.ledger.steps import register_parts
from tests.support.builders import ACCEPTED_AT, VENDOR_TEMPLATES, a_head, a_key, a_part, some_counts

KEY = a_key()


async def test_the_first_part_creates_the_request(ledger: Ledger) -> None:
    request = await ledger.requests.register_part(a_head(), a_part(0, last=False))

    assert request.header == a_head()
    assert request.parts == {0: a_part(0, last=False)}
    assert (request.expanded_parts, request.last_part, request.completion) == (frozenset(), None, None)
    assert (request.cancelled, request.intake_closed, request.completion_published, request.all_parts_expanded) == (
        False,
    ) * 4
    assert await ledger.requests.get(KEY) == request


async def test_every_field_of_the_header_is_stored(ledger: Ledger) -> None:
    head = a_head(
        channel=Channel.EMAIL,
        category=Category.MARKETING,
        on_uncertain=OnUncertain.RESEND,
        reply_topic="answers",
        correlation_id="c-1",
        send_at=ACCEPTED_AT + timedelta(hours=1),
        expires_at=ACCEPTED_AT + timedelta(hours=2),
        template_id="tpl_1",
        template_version=3,
        intake_topic="intake",
        intake_partition=7,
        content_type=ContentType.HTML,
        region="DE",
        vendor_templates=VENDOR_TEMPLATES,
        provider="first",
        budget={"EUR": 1_500_000},
        mailing_list="news",
    )

    assert (await ledger.requests.register_part(head, a_part())).header == head


async def test_every_field_of_a_part_is_stored(ledger: Ledger) -> None:
    part = a_part(3, size=7, chunk_size=5, digest=b"d", last=True, default_region="CN")

    assert (await ledger.requests.register_part(a_head(), part)).parts == {3: part}


@pytest.mark.parametrize("foreign", [{"digest": b"of another body"}, {"key_id": "another"}])
async def test_a_part_of_another_request_is_not_registered(ledger: Ledger, foreign: dict[str, Any]) -> None:
    await ledger.requests.register_part(a_head(), a_part(0, last=False))
    stands = await ledger.requests.register_part(replace(a_head(), **foreign), a_part(1, digest=b"theirs", last=True))
    assert (stands.parts.keys(), stands.last_part, stands.header) == ({0}, None, a_head())

    stands = await ledger.requests.register_part(a_head(), a_part(1, digest=b"ours", last=True))
    assert (stands.parts[1].digest, stands.last_part) == (b"ours", 1)


async def test_a_request_without_a_user_has_none(ledger: Ledger) -> None:
    assert (await ledger.requests.register_part(a_head(user_id=None), a_part())).header.user_id is None


async def test_an_unknown_request_is_none(ledger: Ledger) -> None:
    assert await ledger.requests.get(KEY) is None
    assert await ledger.requests.cancel(KEY) is None
    assert await ledger.requests.close_intake(KEY) is None
    assert await ledger.requests.complete(KEY, some_counts(sent=1)) is None


async def test_the_first_header_stays(ledger: Ledger) -> None:
    await ledger.requests.register_part(a_head(), a_part(0, last=False))
    later = ACCEPTED_AT + timedelta(hours=1)

    request = await ledger.requests.register_part(a_head(accepted_at=later), a_part(1))

    assert request.header == a_head()
    assert request.parts.keys() == {0, 1}


async def test_the_first_body_of_a_part_stays(ledger: Ledger) -> None:
    first = a_part(0, size=7, chunk_size=5, digest=b"first", last=False)
    await ledger.requests.register_part(a_head(), first)

    request = await ledger.requests.register_part(
        a_head(), a_part(0, size=9, chunk_size=3, digest=b"second", last=True)
    )

    assert request.parts == {0: first}
    assert request.last_part is None


async def test_of_two_bodies_at_once_one_is_stored(ledger: Ledger) -> None:
    bodies = [a_part(0, digest=f"body {n}".encode()) for n in range(4)]

    answers = await asyncio.gather(*(ledger.requests.register_part(a_head(), body) for body in bodies))

    standing = {answer.parts[0].digest for answer in answers}
    assert len(standing) == 1
    assert standing <= {body.digest for body in bodies}


async def test_parts_that_arrive_at_once_are_all_registered(ledger: Ledger) -> None:
    await asyncio.gather(*(ledger.requests.register_part(a_head(), a_part(n, last=False)) for n in range(6)))

    request = await ledger.requests.get(KEY)
    assert request is not None
    assert request.parts.keys() == set(range(6))


async def test_parts_may_arrive_in_any_order(ledger: Ledger) -> None:
    request = await register_parts(ledger, 11, 2, 0, 1)

    assert request.parts.keys() == {0, 1, 2, 11}


async def test_the_last_part_is_known_after_its_registration(ledger: Ledger) -> None:
    assert (await register_parts(ledger, 2, last=2)).last_part == 2
    assert (await register_parts(ledger, 0, last=2)).last_part == 2


async def test_a_part_after_the_last_is_refused(ledger: Ledger) -> None:
    before = await register_parts(ledger, 0, 1, last=1)

    assert await register_parts(ledger, 2) == before
    assert await register_parts(ledger, 3, last=3) == before


async def test_a_lower_part_that_calls_itself_the_last_is_refused(ledger: Ledger) -> None:
    before = await register_parts(ledger, 0, 2)

    assert await register_parts(ledger, 1, last=1) == before


async def test_a_second_last_part_is_refused(ledger: Ledger) -> None:
    before = await register_parts(ledger, 2, last=2)

    assert await register_parts(ledger, 1, last=1) == before


async def test_a_repeated_registration_returns_the_stored_request(ledger: Ledger) -> None:
    await register_parts(ledger, 0, 1)
    cut = await ledger.requests.close_intake(KEY)

    assert cut is not None
    assert await register_parts(ledger, 0) == cut
    assert (await register_parts(ledger, 1, last=1)).parts[1] == a_part(1, last=False)


async def test_the_time_of_the_newest_registration_is_stored(ledger: Ledger, wait: Wait) -> None:
    first = await register_parts(ledger, 0)
    await wait(0.05)
    again = await register_parts(ledger, 0)
    second = await register_parts(ledger, 1, last=1)
    await wait(0.05)
    refused = await register_parts(ledger, 2)

    assert first.begun_at is not None
    assert second.begun_at is not None
    assert abs(first.begun_at - ledger.now()) < timedelta(seconds=30)
    assert again.begun_at == first.begun_at
    assert refused.begun_at == second.begun_at
    assert second.begun_at - first.begun_at >= timedelta(seconds=0.05)


async def test_a_part_is_marked_as_expanded_once(ledger: Ledger) -> None:
    await register_parts(ledger, 0, 1, last=1)

    once = await ledger.requests.mark_part_expanded(KEY, 0)
    twice = await ledger.requests.mark_part_expanded(KEY, 0)
    both = await ledger.requests.mark_part_expanded(KEY, 1)

    assert once.expanded_parts == twice.expanded_parts == {0}
    assert not twice.all_parts_expanded
    assert both.expanded_parts == {0, 1}
    assert both.all_parts_expanded


async def test_parts_marked_at_once_are_all_expanded(ledger: Ledger) -> None:
    await register_parts(ledger, *range(6), last=5)

    answers = await asyncio.gather(*(ledger.requests.mark_part_expanded(KEY, number) for number in range(6)))

    assert sum(answer.all_parts_expanded for answer in answers) >= 1
    assert max((answer.expanded_parts for answer in answers), key=len) == set(range(6))


async def test_an_unknown_request_cannot_have_an_expanded_part(ledger: Ledger) -> None:
    with pytest.raises(LookupError):
        await ledger.requests.mark_part_expanded(KEY, 0)


async def test_marking_a_part_returns_the_cancel_mark(ledger: Ledger) -> None:
    await register_parts(ledger, 0)
    await ledger.requests.cancel(KEY)

    assert (await ledger.requests.mark_part_expanded(KEY, 0)).cancelled
    assert (await register_parts(ledger, 1)).cancelled


async def test_of_many_completions_at_once_exactly_one_wins(ledger: Ledger) -> None:
    await register_parts(ledger, 0, last=0)
    await ledger.requests.mark_part_expanded(KEY, 0)

    answers = await asyncio.gather(*(ledger.requests.complete(KEY, some_counts(sent=n)) for n in range(6)))

    winners = [answer for answer in answers if answer]
    assert len(winners) == 1
    assert winners[0] == await ledger.requests.get(KEY)
