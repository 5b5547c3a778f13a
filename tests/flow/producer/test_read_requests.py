"""Requests read over HTTP: counts, progress, times and access."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from core.ids import request_key
from core.send_result import Failed, Sent
from schemas.statuses import Reason, Status
from tests.flow.sample_requests import ADMIN, READ, Library, a_log_id
from tests.flow.world import START
from tests.support.builders import moved
from tests.support.service import a_token

REQUESTS = "/communication/requests"
ANN, BOB = "13800138000", "13900139000"


@pytest.fixture
async def library() -> AsyncIterator[Library]:
    made = Library()
    async with made.service:
        yield made


async def test_a_running_request_shows_its_progress(library: Library) -> None:
    await library.pending(
        "r", [ANN, "x"], part=0, last=False, send_at="2026-01-02T04:00:00Z", region="CN", provider="book", list="news"
    )

    assert await library.get(f"{REQUESTS}/r") == {
        "code": 200,
        "message": "ok",
        "timestamp": "2026-04-15T12:00:00.001234Z",
        "request_id": "r",
        "tenant_id": "tnt_a",
        "user_id": "usr_a",
        "channel": "sms",
        "category": "transactional",
        "total": 2,
        "complete": False,
        "incomplete": False,
        "cancelled": False,
        "state": "scheduled",
        "parts": {"known": 1, "expanded": 1},
        "accepted_at": "2026-01-02T03:04:05Z",
        "begun_at": "2026-01-02T03:04:05Z",
        "send_at": "2026-01-02T04:00:00Z",
        "region": "CN",
        "provider": "book",
        "list": "news",
        "done": 0,
        "by_status": {"scheduled": 2},
        "by_reason": {},
    }


async def test_a_completed_request_shows_its_counts(library: Library) -> None:
    library.world.providers[0].answers = lambda message, _: (
        Failed(Reason.REJECTED, "no") if message.to.endswith("9000") else Sent("m")
    )
    await library.sent("r", [ANN, BOB, "x", ANN])

    answer = await library.get(f"{REQUESTS}/r")

    assert (answer["complete"], answer["total"], answer["done"]) == (True, 4, 4)
    assert answer["by_status"] == {"failed": 2, "sent": 1, "suppressed": 1}
    assert answer["by_reason"] == {"duplicate": 1, "invalid_recipient": 1, "rejected": 1}
    assert answer["completed_at"] == "2026-01-02T03:04:05Z"


async def test_later_receipts_are_counted(library: Library) -> None:
    await library.sent("r", [ANN, BOB])
    logs, first = library.world.ledger.logs, a_log_id("r")
    log = (await logs.get_many([first]))[first]
    await logs.settle([(log, moved(log, Status.DELIVERED))])

    answer = await library.get(f"{REQUESTS}/r")

    assert answer["by_status"] == {"delivered": 1, "sent": 1}
    assert answer["done"] == 2


async def test_a_cancelled_request_shows_that_it_is_cancelled(library: Library) -> None:
    await library.pending("r", [ANN])
    await library.world.ledger.requests.cancel(request_key("tnt_a", "r"))

    answer = await library.get(f"{REQUESTS}/r")

    assert (answer["cancelled"], answer["complete"]) == (True, False)


async def test_requests_come_newest_first_and_a_cursor_continues(library: Library) -> None:
    for number in range(5):
        await library.sent(f"r{number}", [ANN], at=START + timedelta(hours=number))
    seen, query = [], "page_size=2"

    while query:
        answer = await library.get(f"{REQUESTS}?{query}")
        assert answer["total"] == 5
        seen += [item["request_id"] for item in answer["items"]]
        query = f"page_size=2&after={answer['pagination']['next']}" if answer["pagination"]["has_next"] else ""

    assert seen == ["r4", "r3", "r2", "r1", "r0"]
    second = await library.get(f"{REQUESTS}?page=2&page_size=2")
    assert [item["request_id"] for item in second["items"]] == ["r2", "r1"]
    assert "by_status" not in second["items"][0]


@pytest.mark.parametrize("query", ["recipient=1", "page=0", "page_size=101", "after=x", "page=2&page=3"])
async def test_a_wrong_parameter_of_a_request_list_is_named(library: Library, query: str) -> None:
    answer = await library.get(f"{REQUESTS}?{query}", status=400)

    assert answer["message"].startswith(query.partition("=")[0])


async def test_an_unknown_parameter_is_not_repeated_and_the_known_ones_are_named(library: Library) -> None:
    answer = await library.get(f"{REQUESTS}?anna@example.com=1", status=400)

    allowed = "Its parameters are after, page, page_size."
    assert answer["message"] == f"(unknown): is not a parameter of this route. {allowed}"


async def test_an_unknown_request_and_one_of_another_user_get_the_same_answer(library: Library) -> None:
    await library.sent("theirs", [ANN], tenant="tnt_b")
    await library.sent("bobs", [ANN], user="usr_b")

    answers = [
        await library.get(f"{REQUESTS}/{name}", status=404) for name in ("theirs", "bobs", "none", "no%20id", "%F0")
    ]

    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["message"].startswith("request not found")


# ---------------------------------------------------------------- isolation

OWN = {"a_ann", "a_bob", "b_ann"}

SEES = [
    pytest.param("tnt_a", "usr_ann", READ, {"a_ann"}, id="a user sees their own"),
    pytest.param("tnt_a", "usr_bob", READ, {"a_bob"}, id="another user theirs"),
    pytest.param("tnt_b", "usr_ann", READ, {"b_ann"}, id="a user of the same name at another tenant theirs"),
    pytest.param("tnt_a", "usr_eve", READ, set(), id="a user who sent nothing sees nothing"),
    pytest.param("tnt_a", "usr_eve", ADMIN, {"a_ann", "a_bob"}, id="an admin sees all of the tenant"),
    pytest.param("tnt_c", "usr_ann", ADMIN, set(), id="an admin of another tenant sees nothing of it"),
]


@pytest.mark.parametrize(("tenant", "user", "scope", "expected"), SEES)
@pytest.mark.parametrize("sent", [True, False], ids=["sent", "pending"])
async def test_a_caller_sees_only_its_own_data(
    library: Library, tenant: str, user: str, scope: str, expected: set[str], *, sent: bool
) -> None:
    for name in sorted(OWN):
        here, who = f"tnt_{name[0]}", f"usr_{name[2:]}"
        send = library.sent if sent else library.pending
        await send(name, [{"to": ANN, "reference": "same"}], tenant=here, user=who)

    async def seen(path: str) -> set[str]:
        answer = await library.get(path, scope, user=user, tenant=tenant)
        assert answer["total"] == len(answer["items"])
        return {item["request_id"] for item in answer["items"]}

    assert await seen("/communication/logs") == expected
    assert await seen("/communication/logs?reference=same") == expected
    assert await seen("/communication/logs?status=sent&status=pending") == expected
    assert await seen(REQUESTS) == expected
    token = a_token(scope, user=user, tenant=tenant)
    searched = await library.service.client.post(
        "/communication/logs/search", json={"recipient": ANN}, headers={"Authorization": f"Bearer {token}"}
    )
    assert {item["request_id"] for item in searched.json()["items"]} == expected
    for name in sorted(OWN):
        status = 200 if name in expected else 404
        log = a_log_id(name, tenant=f"tnt_{name[0]}")
        await library.get(f"/communication/logs/{log}", scope, user=user, tenant=tenant, status=status)
        await library.get(f"{REQUESTS}/{name}", scope, user=user, tenant=tenant, status=status)
        listed = await library.get(f"/communication/logs?request_id={name}", scope, user=user, tenant=tenant)
        assert len(listed["items"]) == (name in expected)


async def test_an_unknown_delivery_and_one_of_another_user_get_the_same_answer(library: Library) -> None:
    await library.sent("bobs", [ANN], user="usr_b")
    await library.pending("waits", [ANN], tenant="tnt_b")
    ids = [a_log_id("bobs"), a_log_id("waits", tenant="tnt_b"), a_log_id("none"), "log_x", "x" * 500, "%00"]

    answers = [await library.get(f"/communication/logs/{one}", status=404) for one in ids]

    assert all(answer == answers[0] for answer in answers)
