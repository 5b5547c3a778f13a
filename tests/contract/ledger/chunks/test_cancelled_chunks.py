"""Cancel mark of chunks in both ledgers."""

from ledger.ports import Ledger
from tests.contract.ledger.steps import insert_and_claim
from tests.support.builders import a_chunk, a_claim, some_counts


async def test_a_cancel_marks_the_open_chunks_of_its_request(ledger: Ledger) -> None:
    fresh, held, closed, other = a_chunk(), a_chunk(part=1), a_chunk(part=2), a_chunk("another request")
    for chunk in (fresh, held, closed, other):
        await ledger.chunks.insert(chunk)
    taken_held = await ledger.chunks.claim(held.id, a_claim())
    taken_closed = await ledger.chunks.claim(closed.id, a_claim())
    assert taken_held is not None
    assert taken_closed is not None
    await ledger.chunks.close(taken_closed.token, some_counts(sent=3))

    await ledger.chunks.mark_cancelled(fresh.key)

    marked = [(await ledger.chunks.get(chunk.id)) for chunk in (fresh, held, closed, other)]
    assert [chunk.cancelled for chunk in marked if chunk] == [True, True, False, False]


async def test_a_cancel_may_mark_the_chunks_of_one_part_alone(ledger: Ledger) -> None:
    first, second = a_chunk(part=0), a_chunk(part=1)
    await ledger.chunks.insert(first)
    await ledger.chunks.insert(second)

    await ledger.chunks.mark_cancelled(first.key, 0)

    marked = [(await ledger.chunks.get(chunk.id)) for chunk in (first, second)]
    assert [chunk.cancelled for chunk in marked if chunk] == [True, False]


async def test_the_cancel_mark_outlives_advance_release_and_claim(ledger: Ledger) -> None:
    chunk = a_chunk(size=4, window_size=2)
    taken = await insert_and_claim(ledger, chunk)
    await ledger.chunks.mark_cancelled(chunk.key)
    await ledger.chunks.advance(taken.token, taken.chunk.work, taken.window)
    await ledger.chunks.release(taken.token, chunk.work, None)
    again = await ledger.chunks.claim(chunk.id, a_claim())

    assert again is not None
    assert again.chunk.cancelled
