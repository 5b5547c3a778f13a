"""Writes that erase the data of a person. Those to a chunk change nothing that its owner writes."""

from dataclasses import replace

import pytest

from core.chunk_work import Work
from core.erased_work import decide_erased
from core.ids import log_id
from ledger.models import Chunk
from ledger.personal_data_port import Pseudonym, StoredChunk
from ledger.ports import Ledger
from ledger.suppression_port import StoredSuppression
from schemas.statuses import Status
from tests.contract.ledger.steps import claim_chunk, claim_token, find
from tests.contract.ledger.test_retention import a_completed_request
from tests.contract.ledger.test_suppressions import OPTED_OUT, an_id, new
from tests.support.builders import (
    TENANT,
    a_chunk,
    a_claim,
    a_hash,
    a_head,
    a_key,
    a_log,
    a_part,
    fresh_work,
    moved,
    some_counts,
)

PSEUDONYM = Pseudonym("erased:sAAAAAAAAAAAAAAAAAAAAAA", bytes(16))


async def read(ledger: Ledger, index: int = 0) -> StoredChunk:
    stored = await ledger.personal_data.read_chunk(log_id(a_key(), 0, index))
    assert stored is not None
    return stored


def without_r1(chunk: Chunk) -> Chunk:
    """Return a chunk of three recipients without the second one."""
    masked, hashes = ("***r0", PSEUDONYM.text, "***r2"), a_hash("r0") + PSEUDONYM.hash + a_hash("r2")
    return replace(
        chunk, masked=masked, hashes=hashes, references=("c0", None, None), sealed=b"again", sealed_secrets={0: b"s0"}
    )


async def a_stored_chunk(ledger: Ledger, *, small: bool) -> Chunk:
    secrets = {0: b"s0", 1: b"s1"}
    chunk = a_chunk(references=["c0", "c1", None], sealed_secrets=secrets, searchable=not small)
    if small:
        chunk = replace(chunk, in_request=True)
        await ledger.requests.insert_small(a_head(), a_part(), chunk)
    else:
        await ledger.requests.register_part(a_head(), a_part())
        await ledger.chunks.insert(chunk)
    return chunk


@pytest.mark.parametrize("small", [True, False])
async def test_recipients_of_a_chunk_are_replaced(ledger: Ledger, *, small: bool) -> None:
    chunk = await a_stored_chunk(ledger, small=small)
    stored = await read(ledger, 2)

    assert await ledger.personal_data.replace_recipients(stored, without_r1(stored.chunk), None)

    assert (await read(ledger)).chunk == without_r1(chunk)
    assert not await ledger.personal_data.replace_recipients(stored, stored.chunk, None)
    if not small:
        assert await ledger.chunks.find_duplicates(a_key(), 1, {a_hash("r0"), a_hash("r1")}) == {a_hash("r0")}


@pytest.mark.parametrize("small", [True, False])
async def test_work_without_an_owner_is_replaced_with_the_recipients(ledger: Ledger, *, small: bool) -> None:
    await a_stored_chunk(ledger, small=small)
    stored = await read(ledger)
    work = decide_erased(stored.chunk.work, {1})

    assert await ledger.personal_data.replace_recipients(stored, without_r1(stored.chunk), work)

    claimed = await claim_chunk(ledger, stored.chunk)
    assert claimed.chunk.work == replace(work, next=None)
    assert claimed.window is not None
    assert claimed.window.batch.ranges == ((0, 1), (2, 3))


async def test_work_is_not_replaced_after_a_claim_and_the_recipients_are(ledger: Ledger) -> None:
    await a_stored_chunk(ledger, small=False)
    stored = await read(ledger)
    claimed = await claim_chunk(ledger, stored.chunk)
    work = decide_erased(stored.chunk.work, {1})

    assert not await ledger.personal_data.replace_recipients(stored, without_r1(stored.chunk), work)
    assert await ledger.personal_data.replace_recipients(stored, without_r1(stored.chunk), None)

    after = await read(ledger)
    assert (after.is_owned, after.fence, after.chunk.masked[1]) == (True, 1, PSEUDONYM.text)
    assert after.window == claimed.window
    assert await ledger.chunks.advance(claimed.token, claimed.chunk.work, claimed.window) is not None


async def test_work_is_not_replaced_after_a_claim_and_its_release(ledger: Ledger) -> None:
    await a_stored_chunk(ledger, small=False)
    stored = await read(ledger)
    await ledger.chunks.release(await claim_token(ledger, stored.chunk), fresh_work(3), None)

    assert not await ledger.personal_data.replace_recipients(stored, without_r1(stored.chunk), Work())
    assert not (await read(ledger)).is_owned


async def test_recipients_whose_retention_is_over_stay_erased(ledger: Ledger) -> None:
    await a_stored_chunk(ledger, small=False)
    stored = await read(ledger)
    erased = StoredChunk(replace(stored.chunk, sealed=b""), None, is_open=True, is_owned=False, fence=0)

    assert not await ledger.personal_data.replace_recipients(erased, without_r1(stored.chunk), None)


async def test_the_chunk_of_an_unknown_delivery_is_not_found(ledger: Ledger) -> None:
    assert await ledger.personal_data.read_chunk(log_id(a_key(), 0, 0)) is None


async def test_the_closed_chunks_of_a_request_are_erased_page_by_page(ledger: Ledger) -> None:
    await a_completed_request(ledger)
    await ledger.chunks.insert(a_chunk(first=4, size=2))

    first = await ledger.personal_data.erase_chunks(a_key(), PSEUDONYM, None, 1)
    second = await ledger.personal_data.erase_chunks(a_key(), PSEUDONYM, first, 1)
    end = await ledger.personal_data.erase_chunks(a_key(), PSEUDONYM, second, 1)

    assert [first, second, end] == [a_chunk(first=0).id, a_chunk(first=2).id, None]
    chunks = [(await read(ledger, at)).chunk for at in (0, 2, 4)]
    assert [each.masked for each in chunks] == [(PSEUDONYM.text,) * 2] * 2 + [("***r4", "***r5")]
    assert [each.sealed for each in chunks] == [b"", b"", b"sealed recipients"]
    assert await ledger.chunks.counts(a_key()) == some_counts(sent=4, pending=2)


async def test_the_chunk_of_a_small_request_is_erased(ledger: Ledger) -> None:
    chunk = await a_stored_chunk(ledger, small=True)
    claimed = await ledger.chunks.claim(chunk.id, a_claim())
    assert claimed is not None
    await ledger.requests.close_small(claimed.token, some_counts(sent=3), ledger.now())

    assert await ledger.personal_data.erase_chunks(a_key(), PSEUDONYM, None, 10) is None

    erased = (await read(ledger)).chunk
    assert (erased.masked, erased.sealed, erased.references) == ((PSEUDONYM.text,) * 3, b"", None)


async def test_texts_and_the_user_of_a_request_are_replaced(ledger: Ledger) -> None:
    await ledger.requests.register_part(a_head(correlation_id="c", sealed_secrets=b"secrets"), a_part())

    await ledger.personal_data.erase_texts(a_key())
    await ledger.personal_data.replace_user(a_key(), "erased:u")

    stored = await ledger.requests.get(a_key())
    assert stored is not None
    assert stored.header == a_head(user_id="erased:u", sealed_text=b"")


async def test_logs_lose_the_recipient_and_keep_their_outcome(ledger: Ledger) -> None:
    log = a_log(reference="c0", provider_message_id="m1")._replace(response="OK", error="no")
    other = a_log(index=1)
    await ledger.logs.insert_or_get([log, other])

    assert await ledger.personal_data.erase_logs([log.id], PSEUDONYM) == 1

    left = log._replace(
        recipient=PSEUDONYM.text,
        recipient_hash=PSEUDONYM.hash,
        reference=None,
        provider_message_id=None,
        response=None,
        error=None,
    )
    assert (await find(ledger)).items == [left, other]
    assert await ledger.personal_data.erase_logs([log.id], PSEUDONYM, "erased:u") == 1
    assert await ledger.logs.get_many([log.id]) == {log.id: left._replace(user_id="erased:u")}


async def test_an_erased_delivery_is_not_reserved_for_a_resend(ledger: Ledger) -> None:
    lost, erased = a_log(status=Status.FAILED), a_log(index=1, status=Status.FAILED)
    await ledger.logs.insert_or_get([lost, erased])
    await ledger.personal_data.erase_logs([erased.id], PSEUDONYM)

    resends = {lost.id: a_log("req-2").id, erased.id: a_log("req-2", 1).id}
    assert await ledger.logs.reserve_resends(TENANT, resends) == {lost.id}


async def test_a_suppression_stays_in_force_without_its_address(ledger: Ledger) -> None:
    await ledger.suppressions.add([new()])

    assert await ledger.suppressions.erase_address(an_id())
    assert not await ledger.suppressions.erase_address(an_id())
    assert not await ledger.suppressions.erase_address(an_id("b"))
    assert await ledger.suppressions.get(an_id()) == StoredSuppression(an_id(), b"", (OPTED_OUT,))


async def test_errors_that_receipts_have_replaced_go_too(ledger: Ledger) -> None:
    sent = a_log()._replace(error="first")
    await ledger.logs.insert_or_get([sent])
    failed = moved(sent, Status.FAILED, error="second", receipt_code="550")
    await ledger.logs.settle([(sent, failed)])

    await ledger.personal_data.erase_logs([sent.id], PSEUDONYM)

    log = (await ledger.logs.get_many([sent.id]))[sent.id]
    assert log.as_logged is not None
    assert (log.status, log.receipt_code, log.error, log.as_logged.error) == (Status.FAILED, "550", None, None)


async def test_a_receipt_that_read_the_log_before_its_erasure_does_not_move_it(ledger: Ledger) -> None:
    sent = a_log()
    await ledger.logs.insert_or_get([sent])
    await ledger.personal_data.erase_logs([sent.id], PSEUDONYM)

    assert await ledger.logs.settle([(sent, moved(sent, Status.FAILED, error="to r0"))]) == set()

    assert (await ledger.logs.get_many([sent.id]))[sent.id].recipient == PSEUDONYM.text
