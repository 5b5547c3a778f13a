"""Logs that receipts moved: the conditional write, the search by message id, and the counts of the moves."""

from datetime import timedelta

import pytest

from ledger.models import Log
from ledger.ports import Ledger
from ledger.receipt_effects import Move
from ledger.receipt_port import MessageOrigin
from schemas.receipts import ReceiptClass
from schemas.statuses import Reason, Status
from tests.support.builders import ACCEPTED_AT, a_hash, a_key, a_log, moved


async def test_a_change_is_stored_with_all_that_the_receipt_said(ledger: Ledger) -> None:
    sent = a_log(provider_message_id="m1")
    after = moved(
        sent, Status.FAILED, error="mailbox full", receipt_class=ReceiptClass.SOFT_BOUNCE, receipt_code="5.2.2"
    )
    await ledger.logs.insert_or_get([sent])

    assert await ledger.logs.settle([(sent, after)]) == {sent.id}

    assert await ledger.logs.get_many([sent.id]) == {sent.id: after}


async def test_a_later_receipt_takes_away_what_it_does_not_say(ledger: Ledger) -> None:
    unknown = a_log(status=Status.UNKNOWN, reason=Reason.NO_ANSWER)
    first = moved(unknown, Status.SENT, receipt_code="20", error="said once")
    second = moved(first, Status.DELIVERED, by="0/8/1")
    await ledger.logs.insert_or_get([unknown])

    await ledger.logs.settle([(unknown, first)])
    await ledger.logs.settle([(first, second)])

    assert await ledger.logs.get_many([unknown.id]) == {unknown.id: second}
    assert second.as_logged == first.as_logged


@pytest.mark.parametrize("status", [Status.DELIVERED, Status.FAILED, Status.UNKNOWN])
async def test_a_log_with_another_status_does_not_change(ledger: Ledger, status: Status) -> None:
    stored = a_log(status=status)
    read_before = stored._replace(status=Status.SENT)
    await ledger.logs.insert_or_get([stored])

    assert await ledger.logs.settle([(read_before, moved(read_before, Status.DELIVERED))]) == set()

    assert await ledger.logs.get_many([stored.id]) == {stored.id: stored}


async def test_of_two_receipts_one_moves_the_log_and_a_repeat_of_it_is_told_so_again(ledger: Ledger) -> None:
    logs = [a_log(index=index) for index in range(3)]
    await ledger.logs.insert_or_get(logs[:2])
    mine = [(log, moved(log, Status.DELIVERED, by=f"0/{at}/1")) for at, log in enumerate(logs)]
    other = (logs[1], moved(logs[1], Status.FAILED, by="1/7/1"))

    assert await ledger.logs.settle([other]) == {logs[1].id}
    assert await ledger.logs.settle(mine) == {logs[0].id}
    assert await ledger.logs.settle(mine) == {logs[0].id}
    assert await ledger.logs.settle([other]) == {logs[1].id}


async def test_the_note_of_a_resend_outlives_a_receipt(ledger: Ledger) -> None:
    unknown, repeat = a_log(status=Status.UNKNOWN), a_log("req-2").id
    await ledger.logs.insert_or_get([unknown])
    await ledger.logs.reserve_resends(unknown.tenant_id, {unknown.id: repeat})

    await ledger.logs.settle([(unknown, moved(unknown, Status.FAILED))])

    assert (await ledger.logs.get_many([unknown.id]))[unknown.id].resent_as == repeat


async def test_logs_are_found_by_the_message_id_of_their_provider(ledger: Ledger) -> None:
    batch = [a_log(index=index, provider_message_id="batch") for index in range(3)]
    alone = a_log(index=3, provider_message_id="alone")
    await ledger.logs.insert_or_get([*batch, alone, a_log(index=4)])

    assert await _ids(ledger, ["alone", "hash:k1:00"]) == {alone.id}
    assert await _ids(ledger, ["batch", "alone"]) == {log.id for log in (*batch, alone)}
    assert len(await ledger.logs.find_by_message_ids(["batch"], 2)) == 2
    found = await ledger.logs.find_by_message_ids_and_hashes(["batch"], [a_hash("r1"), a_hash("r3")], 10)
    assert found == [batch[1]]


async def test_a_search_by_message_id_reads_the_logs_of_its_origin_alone(ledger: Ledger) -> None:
    installed = a_log(index=0, provider_message_id="7", provider="book")
    own = a_log(index=1, provider_message_id="7", provider="book@prv_1.1")
    other = a_log(index=2, provider_message_id="7", provider="other")
    await ledger.logs.insert_or_get([own, other, installed])

    async def found(origin: MessageOrigin) -> set[str]:
        by_id = await ledger.logs.find_by_message_ids(["7"], 10, origin)
        by_hash = await ledger.logs.find_by_message_ids_and_hashes(["7"], [own.recipient_hash], 10, origin)
        assert set(by_hash) == {log for log in by_id if log.recipient_hash == own.recipient_hash}
        return {log.id for log in by_id}

    assert await found(MessageOrigin(provider="book")) == {installed.id}
    assert await found(MessageOrigin(own.tenant_id, "prv_1")) == {installed.id, own.id, other.id}
    assert await found(MessageOrigin("another", "prv_1")) == set()


async def _ids(ledger: Ledger, ids: list[str]) -> set[str]:
    return {log.id for log in await ledger.logs.find_by_message_ids(ids, 10)}


async def test_moves_are_counted_by_their_way(ledger: Ledger) -> None:
    sent = [a_log(index=index) for index in range(4)]
    unknown = a_log(index=4, status=Status.UNKNOWN, reason=Reason.INTERRUPTED)
    elsewhere = a_log("req-2")
    await ledger.logs.insert_or_get([*sent, unknown, elsewhere])
    assert await ledger.logs.count_moves(a_key()) == {}
    changes = [(log, moved(log, Status.DELIVERED)) for log in (*sent[:2], elsewhere)]
    changes += [(log, moved(log, Status.FAILED)) for log in (sent[3], unknown)]

    await ledger.logs.settle(changes)

    assert await ledger.logs.count_moves(a_key()) == {
        Move(Status.SENT, None, Status.DELIVERED, None): 2,
        Move(Status.SENT, None, Status.FAILED, Reason.UNDELIVERED): 1,
        Move(Status.UNKNOWN, Reason.INTERRUPTED, Status.FAILED, Reason.UNDELIVERED): 1,
    }
    failed = [sent[3].id, unknown.id]
    assert [log.id for log in await ledger.logs.find_moved(a_key(), {Status.FAILED}, 5)] == failed
    assert [log.id for log in await ledger.logs.find_moved(a_key(), {Status.FAILED}, 1)] == failed[:1]


async def test_a_log_that_a_receipt_moved_can_be_written_and_read(ledger: Ledger) -> None:
    """A copy of a database has such logs."""
    log: Log = moved(a_log(), Status.DELIVERED, receipt_at=ACCEPTED_AT + timedelta(hours=1))

    assert await ledger.logs.insert_or_get([log]) == [log]

    assert await ledger.logs.get_many([log.id]) == {log.id: log}
