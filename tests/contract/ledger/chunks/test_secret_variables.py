"""Erasure of secret variables in the write that stores the outcome of their delivery, in both ledgers."""

from dataclasses import replace

from core.chunk_work import Batch, Window, Work
from ledger.models import Chunk
from ledger.ports import Ledger
from tests.contract.ledger.conftest import Wait
from tests.contract.ledger.steps import SHORT, claim_chunk, complete, insert_and_claim
from tests.support.builders import a_chunk, a_claim, a_head, a_key, a_part, some_counts

SECRETS = {index: b"%d" % index for index in range(10, 13)}
CHUNK = a_chunk(part=1, first=10, sealed_secrets=SECRETS)


async def kept(ledger: Ledger, chunk: Chunk = CHUNK) -> dict[int, bytes]:
    stored = await ledger.chunks.get(chunk.id)
    assert stored is not None
    return dict(stored.sealed_secrets)


async def test_a_claim_returns_the_secrets_and_keeps_them(ledger: Ledger, wait: Wait) -> None:
    first = await insert_and_claim(ledger, CHUNK, a_claim(lease_seconds=SHORT))
    await wait(SHORT)
    second = await claim_chunk(ledger, CHUNK)

    assert first.chunk.sealed_secrets == second.chunk.sealed_secrets == SECRETS
    assert second.taken_over
    assert await kept(ledger) == SECRETS


async def test_advancing_erases_the_named_deliveries_only(ledger: Ledger) -> None:
    taken = await insert_and_claim(ledger, CHUNK)
    window = Window(Batch(((11, 13),)), "first")

    await ledger.chunks.advance(taken.token, Work(counts=some_counts(sent=1)), taken.window)
    assert await kept(ledger) == SECRETS
    for _ in range(2):  # a repeat changes nothing
        await ledger.chunks.advance(taken.token, Work(counts=some_counts(sent=1)), window, [10])
        assert await kept(ledger) == {11: b"11", 12: b"12"}
    await ledger.chunks.renew(taken.token)
    assert await kept(ledger) == {11: b"11", 12: b"12"}


async def test_releasing_erases_the_named_deliveries_only(ledger: Ledger) -> None:
    taken = await insert_and_claim(ledger, CHUNK)

    await ledger.chunks.release(taken.token, Work(next=Batch(((12, 13),), 1)), None, [10, 11])

    assert await kept(ledger) == {12: b"12"}
    assert (await claim_chunk(ledger, CHUNK)).chunk.sealed_secrets == {12: b"12"}


async def test_closing_erases_all_of_them_and_nothing_else(ledger: Ledger) -> None:
    taken = await insert_and_claim(ledger, CHUNK)
    for _ in range(2):
        assert await ledger.chunks.close(taken.token, some_counts(sent=3))

    assert await kept(ledger) == {}
    assert await ledger.chunks.get_sealed([CHUNK.id]) == {CHUNK.id: CHUNK.sealed}


async def test_who_was_overtaken_erases_nothing(ledger: Ledger, wait: Wait) -> None:
    late = await insert_and_claim(ledger, CHUNK, a_claim(lease_seconds=SHORT))
    await wait(SHORT)
    await claim_chunk(ledger, CHUNK)

    assert await ledger.chunks.advance(late.token, Work(), late.window, [10]) is None
    assert not await ledger.chunks.release(late.token, Work(), None, [10])
    assert not await ledger.chunks.close(late.token, some_counts(sent=3))
    assert await kept(ledger) == SECRETS


async def test_the_secrets_of_other_chunks_stay(ledger: Ledger) -> None:
    other = a_chunk(part=1, first=20, sealed_secrets={20: b"20"})
    await ledger.chunks.insert(other)
    taken = await insert_and_claim(ledger, CHUNK)
    await ledger.chunks.close(taken.token, some_counts(sent=3))

    assert await kept(ledger, other) == {20: b"20"}


async def test_the_completion_erases_the_secrets_of_the_request_and_nothing_else(ledger: Ledger) -> None:
    head = a_head(secret_variables=("code",), sealed_secrets=b"secrets")
    begun = await ledger.requests.register_part(head, a_part())
    assert begun.header == head
    assert await ledger.requests.complete(a_key(), some_counts(sent=3)) is None  # the part is not expanded
    unfinished = await ledger.requests.get(a_key())
    assert unfinished is not None
    assert unfinished.header == head

    done = await complete(ledger, some_counts(sent=3))

    assert done is not None
    assert done.header == replace(head, sealed_secrets=None)
    assert await ledger.requests.get(a_key()) == done


async def test_a_part_that_comes_after_the_completion_brings_no_secret_back(ledger: Ledger) -> None:
    head = a_head(secret_variables=("code",), sealed_secrets=b"secrets")
    await ledger.requests.register_part(head, a_part())
    await complete(ledger, some_counts(sent=3))

    again = await ledger.requests.register_part(head, a_part())

    assert again.header.sealed_secrets is None


async def test_other_secret_variables_are_another_version_of_a_template(ledger: Ledger) -> None:
    put = ledger.templates.put
    first = await put("tnt_a", "login", "{{code}}", None)
    second = await put("tnt_a", "login", "{{code}}", None, secret_variables=["code"])
    repeated = await put("tnt_a", "login", "{{code}}", None, secret_variables=("code",))
    third = await put("tnt_a", "login", "{{code}}", None, secret_variables=[])

    assert [first.version, second.version, repeated.version, third.version] == [1, 2, 2, 3]
    assert (first.secret_variables, second.secret_variables, third.secret_variables) == ((), ("code",), ())
    assert await ledger.templates.get("tnt_a", "login", 2) == second
