"""Delivery logs, one document each, written once. The id makes a second write fail (I3, I6)."""

import asyncio

from ledger.models import Log
from ledger.ports import Ledger
from schemas.statuses import Channel, Reason, SmsEncoding, Status
from tests.support.builders import TENANT, a_key, a_log


async def of_request(ledger: Ledger, request_id: str = "req-1") -> list[Log]:
    return [log async for log in ledger.logs.iterate_request(a_key(request_id))]


async def test_a_new_log_is_written_and_answered(ledger: Ledger) -> None:
    log = a_log()

    assert await ledger.logs.insert_or_get([log]) == [log]
    assert await ledger.logs.get_many([log.id]) == {log.id: log}


async def test_every_field_of_a_log_is_kept(ledger: Ledger) -> None:
    full = a_log(status=Status.DELIVERED, outcome=Status.SENT, channel=Channel.EMAIL, reference="order-1")._replace(
        reason=Reason.REJECTED,
        provider_message_id="m-1",
        response="250 OK",
        error="said no",
        template_id="tpl_1",
        encoding=SmsEncoding.GSM_7,
        segments=2,
        cost={"EUR": 90_000},
    )
    bare = a_log(index=1, status=Status.FAILED, user_id=None, provider=None, attempts=0)._replace(sent_at=None)
    await ledger.logs.insert_or_get([full, bare])

    assert await ledger.logs.get_many([full.id, bare.id]) == {full.id: full, bare.id: bare}


async def test_the_log_that_stands_is_answered_instead_of_a_second_one(ledger: Ledger) -> None:
    first, second = a_log(status=Status.SENT), a_log(status=Status.FAILED, reason=Reason.REJECTED)
    await ledger.logs.insert_or_get([first])

    assert await ledger.logs.insert_or_get([second]) == [first]
    assert await ledger.logs.get_many([first.id]) == {first.id: first}


async def test_taken_ids_keep_no_other_log_out_and_the_order_stays(ledger: Ledger) -> None:
    standing = [a_log(index=index, status=Status.UNKNOWN) for index in (1, 3)]
    await ledger.logs.insert_or_get(standing)
    offered = [a_log(index=index) for index in (4, 3, 0, 1, 2)]

    answer = await ledger.logs.insert_or_get(offered)

    assert answer == [offered[0], standing[1], offered[2], standing[0], offered[4]]
    assert await of_request(ledger) == [offered[2], standing[0], offered[4], standing[1], offered[0]]


async def test_inserting_nothing_is_answered_with_nothing(ledger: Ledger) -> None:
    assert await ledger.logs.insert_or_get([]) == []


async def test_of_two_logs_inserted_at_once_one_stands_for_both(ledger: Ledger) -> None:
    for index in range(8):
        sent, unknown = a_log(index=index), a_log(index=index, status=Status.UNKNOWN)

        answers = await asyncio.gather(ledger.logs.insert_or_get([sent]), ledger.logs.insert_or_get([unknown]))

        assert answers[0] == answers[1]
        assert answers[0][0] in (sent, unknown)


async def test_only_existing_logs_are_standing(ledger: Ledger) -> None:
    log = a_log(index=1)
    await ledger.logs.insert_or_get([log])

    assert await ledger.logs.get_many([a_log(index=0).id, log.id, a_log(index=2).id]) == {log.id: log}
    assert await ledger.logs.get_many([]) == {}


async def test_the_logs_of_a_request_come_in_request_order(ledger: Ledger) -> None:
    positions = [(0, 0), (0, 2), (0, 10), (1, 0), (1, 1), (10, 0), (16, 3)]
    logs = [a_log(part=part, index=index) for part, index in positions]
    await ledger.logs.insert_or_get([logs[at] for at in (6, 2, 4, 0, 5, 1, 3)])
    await ledger.logs.insert_or_get([a_log("another request"), a_log(tenant_id="another tenant")])

    assert await of_request(ledger) == logs
    assert await of_request(ledger, "no such request") == []


async def test_a_delivery_is_repeated_by_one_other_and_a_repeat_of_the_mark_is_answered_alike(ledger: Ledger) -> None:
    old = [a_log(index=0, status=Status.FAILED, reason=Reason.REJECTED), a_log(index=1, status=Status.UNKNOWN)]
    await ledger.logs.insert_or_get(old)
    first, second = a_log("req-2").id, a_log("req-3").id

    assert await ledger.logs.reserve_resends(TENANT, {old[0].id: first}) == {old[0].id}
    assert await ledger.logs.reserve_resends(TENANT, {old[0].id: second, old[1].id: second}) == {old[1].id}
    assert await ledger.logs.reserve_resends(TENANT, {old[0].id: first}) == {old[0].id}
    assert await of_request(ledger) == [old[0]._replace(resent_as=first), old[1]._replace(resent_as=second)]


async def test_of_two_that_would_repeat_a_delivery_at_once_one_does(ledger: Ledger) -> None:
    old = [a_log(index=index, status=Status.UNKNOWN) for index in range(20)]
    await ledger.logs.insert_or_get(old)
    others = [{log.id: a_log(name, index).id for index, log in enumerate(old)} for name in ("req-2", "req-3")]

    mine, theirs = await asyncio.gather(*(ledger.logs.reserve_resends(TENANT, resends) for resends in others))

    assert mine | theirs == {log.id for log in old}
    assert not mine & theirs


async def test_the_repeats_of_each_later_request_are_counted(ledger: Ledger) -> None:
    old = [a_log(index=index, status=Status.FAILED) for index in range(5)]
    other = a_log("req-9", status=Status.FAILED)
    await ledger.logs.insert_or_get([*old, other])
    repeats = {old[0].id: "req-2", old[1].id: "req-2", old[2].id: "req-3", other.id: "req-4"}
    await ledger.logs.reserve_resends(TENANT, {log: a_log(name).id for log, name in repeats.items()})

    assert await ledger.logs.count_resends(a_key()) == {a_key("req-2"): 2, a_key("req-3"): 1}
    assert await ledger.logs.count_resends(a_key("req-2")) == {}


async def test_nobody_repeats_what_was_sent_or_is_another_tenants_or_has_no_log(ledger: Ledger) -> None:
    sent, theirs = a_log(status=Status.SENT), a_log(tenant_id="tnt_other", status=Status.FAILED)
    await ledger.logs.insert_or_get([sent, theirs])
    new, none = a_log("req-2").id, a_log("req-4").id

    assert await ledger.logs.reserve_resends(TENANT, {sent.id: new, theirs.id: new, none: new}) == set()


async def test_one_that_was_to_be_repeated_stays_so_whatever_a_late_insert_says(ledger: Ledger) -> None:
    old = a_log(status=Status.UNKNOWN, reason=Reason.INTERRUPTED)
    await ledger.logs.insert_or_get([old])
    await ledger.logs.reserve_resends(TENANT, {old.id: a_log("req-2").id})

    assert [log.resent_as for log in await ledger.logs.insert_or_get([old])] == [a_log("req-2").id]
