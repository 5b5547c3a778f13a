"""Fifty concurrent calls of each write that MongoDB gets in shared commands, one of them in conflict with another."""

import asyncio
from dataclasses import replace

from core.chunk_work import Work
from ledger.errors import LedgerRefused
from ledger.ports import Ledger
from schemas.statuses import Status
from tests.contract.ledger.steps import claim_chunk
from tests.support.builders import a_chunk, a_claim, a_head, a_key, a_log, a_part, some_counts

NUMBER = 50
CONFLICT = 20
"""Index of the call that is in conflict."""
NAMES = [f"req-{index}" for index in range(NUMBER)]
UNENCODABLE = "\ud800"


async def test_a_log_whose_id_exists_keeps_no_other_out(ledger: Ledger) -> None:
    existing = a_log(NAMES[CONFLICT], status=Status.UNKNOWN)
    await ledger.logs.insert_or_get([existing])
    logs = [[a_log(name), a_log(name, 1)] for name in NAMES]

    answers = await asyncio.gather(*map(ledger.logs.insert_or_get, logs))
    logs[CONFLICT][0] = existing
    assert answers == logs
    assert await ledger.logs.get_many([log.id for both in logs for log in both]) == {
        log.id: log for both in logs for log in both
    }


async def test_a_log_that_is_refused_keeps_no_other_out(ledger: Ledger) -> None:
    logs = [[a_log(name)._replace(reference=UNENCODABLE if at == CONFLICT else None)] for at, name in enumerate(NAMES)]

    answers = await asyncio.gather(*map(ledger.logs.insert_or_get, logs), return_exceptions=True)
    assert isinstance(answers[CONFLICT], LedgerRefused) or answers[CONFLICT] == logs[CONFLICT]  # MongoDB, memory
    assert answers[:CONFLICT] + answers[CONFLICT + 1 :] == logs[:CONFLICT] + logs[CONFLICT + 1 :]


async def test_a_chunk_whose_id_exists_keeps_no_other_out(ledger: Ledger) -> None:
    chunks = [a_chunk(name) for name in NAMES]
    await ledger.chunks.insert(replace(chunks[CONFLICT], cancelled=True))

    answers = await asyncio.gather(*map(ledger.chunks.insert, chunks))
    assert answers == [at != CONFLICT for at in range(NUMBER)]
    stored = [await ledger.chunks.get(chunk.id) for chunk in chunks]
    assert stored == [replace(chunk, cancelled=at == CONFLICT) for at, chunk in enumerate(chunks)]


async def test_of_fifty_inserts_of_a_chunk_one_is_new(ledger: Ledger) -> None:
    answers = await asyncio.gather(*(ledger.chunks.insert(a_chunk()) for _ in range(NUMBER)))

    assert sum(answers) == 1


async def test_a_chunk_that_another_owner_has_is_closed_by_no_one_else(ledger: Ledger) -> None:
    chunks = [a_chunk(name) for name in NAMES]
    tokens = []
    for chunk in chunks:
        await ledger.chunks.insert(chunk)
        tokens.append((await claim_chunk(ledger, chunk)).token)
    await ledger.chunks.release(tokens[CONFLICT], Work(untried=((0, 3),)), None)
    await claim_chunk(ledger, chunks[CONFLICT])

    for _ in range(2):  # a repeat returns the same
        answers = await asyncio.gather(*(ledger.chunks.close(token, some_counts(sent=3)) for token in tokens))
        assert answers == [at != CONFLICT for at in range(NUMBER)]
    assert [await ledger.chunks.has_open(chunk.key) for chunk in chunks] == [at == CONFLICT for at in range(NUMBER)]
    counts = [await ledger.chunks.counts(chunk.key) for chunk in chunks]
    assert counts == [some_counts(pending=3) if at == CONFLICT else some_counts(sent=3) for at in range(NUMBER)]


async def test_a_chunk_that_another_owner_has_is_not_claimed_and_every_other_is(ledger: Ledger) -> None:
    chunks = [a_chunk(name) for name in NAMES]
    for chunk in chunks:
        await ledger.chunks.insert(chunk)
    await claim_chunk(ledger, chunks[CONFLICT])
    claims = [a_claim() for _ in chunks]

    for _ in range(2):  # a repeat returns the same
        answers = await asyncio.gather(
            *(ledger.chunks.claim(chunk.id, claim) for chunk, claim in zip(chunks, claims, strict=True))
        )
        owners = [answer and (answer.chunk.id, answer.token.owner, answer.token.fence) for answer in answers]
        expected = [(chunk.id, claim.owner, 1) for chunk, claim in zip(chunks, claims, strict=True)]
        assert owners == [None if at == CONFLICT else each for at, each in enumerate(expected)]
        assert not any(answer.taken_over for answer in answers if answer)


async def test_of_fifty_claims_of_a_chunk_one_gets_it(ledger: Ledger) -> None:
    await ledger.chunks.insert(a_chunk())

    answers = await asyncio.gather(*(ledger.chunks.claim(a_chunk().id, a_claim()) for _ in range(NUMBER)))
    (taken,) = [answer for answer in answers if answer]
    assert taken.token.fence == 1
    assert await ledger.chunks.renew(taken.token)


async def test_a_claim_of_an_unknown_or_closed_chunk_keeps_no_other_from_its_chunk(ledger: Ledger) -> None:
    chunks = [a_chunk(name) for name in NAMES]
    for chunk in chunks[1:]:
        await ledger.chunks.insert(chunk)
    claim = a_claim()
    closed = await claim_chunk(ledger, chunks[1], claim)
    await ledger.chunks.close(closed.token, some_counts(sent=3))

    answers = await asyncio.gather(*(ledger.chunks.claim(chunk.id, replace(claim)) for chunk in chunks))
    assert [answer is not None for answer in answers] == [False, False] + [True] * (NUMBER - 2)


async def test_a_part_of_another_request_is_refused_and_every_other_is_registered(ledger: Ledger) -> None:
    foreign = a_head(NAMES[CONFLICT], digest=b"another")
    await ledger.requests.register_part(foreign, a_part(1))

    for _ in range(2):  # a repeat returns the same
        answers = await asyncio.gather(*(ledger.requests.register_part(a_head(name), a_part()) for name in NAMES))
        assert [answer.header.key for answer in answers] == [a_key(name) for name in NAMES]
        assert [set(answer.parts) for answer in answers] == [{1} if at == CONFLICT else {0} for at in range(NUMBER)]
        assert answers[CONFLICT].header == foreign


async def test_fifty_parts_of_a_request_are_registered_and_expanded(ledger: Ledger) -> None:
    parts = [a_part(number, last=number == NUMBER - 1) for number in range(NUMBER)]
    registered = await asyncio.gather(*(ledger.requests.register_part(a_head(), part) for part in parts))
    assert all(
        answer.parts[part.number] == part
        for part, answer in zip(parts, registered, strict=True)
        if part.number in answer.parts
    )
    stored = await ledger.requests.get(a_key())
    assert stored is not None
    accepted = sorted(stored.parts)  # a part after the last one is refused for ever

    expanded = await asyncio.gather(*(ledger.requests.mark_part_expanded(a_key(), part) for part in accepted))
    assert all(part in answer.expanded_parts for part, answer in zip(accepted, expanded, strict=True))
    assert expanded[-1].expanded_parts | expanded[0].expanded_parts == frozenset(accepted)


async def test_parts_of_fifty_requests_are_marked_and_an_unknown_request_is_an_error(ledger: Ledger) -> None:
    for at, name in enumerate(NAMES):
        if at != CONFLICT:
            await ledger.requests.register_part(a_head(name), a_part())

    answers = await asyncio.gather(
        *(ledger.requests.mark_part_expanded(a_key(name), 0) for name in NAMES), return_exceptions=True
    )
    assert [type(answer) for at, answer in enumerate(answers) if at == CONFLICT] == [LookupError]
    marked = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert [answer.header.key for answer in marked] == [a_key(name) for at, name in enumerate(NAMES) if at != CONFLICT]
    assert all(answer.all_parts_expanded for answer in marked)


async def test_fifty_completions_are_noted_as_published_and_an_unknown_request_is_no_error(ledger: Ledger) -> None:
    for at, name in enumerate(NAMES):
        if at != CONFLICT:
            await ledger.requests.register_part(a_head(name), a_part())

    await asyncio.gather(*(ledger.requests.mark_completion_published(a_key(name)) for name in NAMES))
    stored = await ledger.requests.get_many([a_key(name) for name in NAMES])
    assert len(stored) == NUMBER - 1
    assert all(request.completion_published for request in stored.values())


async def test_of_fifty_completions_of_a_request_one_is_stored(ledger: Ledger) -> None:
    await ledger.requests.register_part(a_head(), a_part())
    await ledger.requests.mark_part_expanded(a_key(), 0)

    answers = await asyncio.gather(*(ledger.requests.complete(a_key(), some_counts(sent=3)) for _ in range(NUMBER)))
    assert len([answer for answer in answers if answer]) == 1
