"""Filters of deliveries. Every condition applies to deliveries with and without a log."""

from datetime import timedelta

from ledger.models import RequestHeader
from ledger.ports import Ledger
from schemas.statuses import Channel
from tests.contract.ledger.steps import PENDING, a_request, claim_token, list_lines
from tests.support.builders import ACCEPTED_AT, a_chunk, a_hash, a_head, a_key, a_log


async def a_pair(ledger: Ledger, head: RequestHeader, *, name: str = "r") -> None:
    """Write a request with one logged and one pending delivery, to recipients called `name` + 0 and 1."""
    chunk = a_chunk(
        head.request_id,
        tenant_id=head.tenant_id,
        channel=head.channel,
        size=2,
        names=[f"{name}0", f"{name}1"],
        references=[f"{head.request_id}-0", f"{head.request_id}-1"],
    )
    await a_request(ledger, head, chunk)
    await claim_token(ledger, chunk)
    log = a_log(
        head.request_id,
        tenant_id=head.tenant_id,
        user_id=head.user_id,
        channel=head.channel,
        name=f"{name}0",
        reference=f"{head.request_id}-0",
        accepted_at=head.accepted_at,
    )
    await ledger.logs.insert_or_get([log])


async def test_no_tenant_sees_anothers_deliveries(ledger: Ledger) -> None:
    await a_pair(ledger, a_head())
    await a_pair(ledger, a_head("theirs", tenant_id="another"))

    assert await list_lines(ledger) == ["req-1 0.0 sent", "req-1 0.1 pending"]
    assert await list_lines(ledger, tenant_id="another") == ["theirs 0.0 sent", "theirs 0.1 pending"]
    assert await list_lines(ledger, key=a_key("theirs", "another")) == []


async def test_deliveries_are_found_by_user(ledger: Ledger) -> None:
    await a_pair(ledger, a_head("a", user_id="ann"))
    await a_pair(ledger, a_head("b", user_id="bob"))
    await a_pair(ledger, a_head("c", user_id=None))

    assert await list_lines(ledger, user_id="bob") == ["b 0.0 sent", "b 0.1 pending"]


async def test_deliveries_are_found_by_channel(ledger: Ledger) -> None:
    await a_pair(ledger, a_head("a"))
    await a_pair(ledger, a_head("b", channel=Channel.EMAIL))

    assert await list_lines(ledger, channel=Channel.EMAIL) == ["b 0.0 sent", "b 0.1 pending"]


async def test_deliveries_are_found_by_request(ledger: Ledger) -> None:
    await a_pair(ledger, a_head("a"))
    await a_pair(ledger, a_head("b"))

    assert await list_lines(ledger, key=a_key("b")) == ["b 0.0 sent", "b 0.1 pending"]
    assert await list_lines(ledger, key=a_key("c")) == []


async def test_deliveries_are_found_by_reference(ledger: Ledger) -> None:
    await a_pair(ledger, a_head("a"))
    await a_pair(ledger, a_head("b"))
    await a_request(ledger, a_head("c"), a_chunk("c"))

    assert await list_lines(ledger, reference="a-0") == ["a 0.0 sent"]
    assert await list_lines(ledger, reference="b-1") == ["b 0.1 pending"]


async def test_deliveries_are_found_by_recipient(ledger: Ledger) -> None:
    await a_pair(ledger, a_head("a"), name="x")
    await a_pair(ledger, a_head("b"), name="y")

    asked = frozenset({a_hash("x0"), a_hash("y1"), a_hash("nobody")})

    assert sorted(await list_lines(ledger, recipient_hashes=asked)) == ["a 0.0 sent", "b 0.1 pending"]


async def test_deliveries_are_found_by_time_of_acceptance_the_end_excluded(ledger: Ledger) -> None:
    times = [ACCEPTED_AT + timedelta(hours=hours) for hours in range(3)]
    for name, accepted_at in zip("abc", times, strict=True):
        await a_pair(ledger, a_head(name, accepted_at=accepted_at))

    assert await list_lines(ledger, accepted_from=times[1]) == [
        "c 0.0 sent",
        "c 0.1 pending",
        "b 0.0 sent",
        "b 0.1 pending",
    ]
    assert await list_lines(ledger, accepted_before=times[1]) == ["a 0.0 sent", "a 0.1 pending"]
    assert await list_lines(ledger, accepted_from=times[1], accepted_before=times[2]) == [
        "b 0.0 sent",
        "b 0.1 pending",
    ]


async def test_every_condition_narrows(ledger: Ledger) -> None:
    await a_pair(ledger, a_head("a", user_id="ann"), name="x")
    await a_pair(ledger, a_head("b", user_id="bob"), name="x")
    both = frozenset({a_hash("x0"), a_hash("x1")})

    assert await list_lines(ledger, user_id="ann", recipient_hashes=both, statuses=PENDING) == ["a 0.1 pending"]
    assert await list_lines(ledger, user_id="ann", key=a_key("b")) == []
