"""Deliveries read over HTTP after a consumer has processed them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.send_result import Retry
from producer.read.routes import MAX_SEARCH_BYTES
from schemas.receipts import ReceiptClass
from schemas.statuses import Reason, Status
from tests.flow.sample_requests import ADMIN, READ, Library, a_log_id
from tests.flow.world import START
from tests.support.builders import moved
from tests.support.service import a_token

ANN, BOB, EVE = "13800138000", "13900139000", "13700137000"
LOGS = "/communication/logs"


@pytest.fixture
async def library() -> AsyncIterator[Library]:
    made = Library()
    async with made.service:
        yield made


def references(answer: dict[str, Any]) -> list[str]:
    return [item["reference"] for item in answer["items"]]


async def three_requests(library: Library) -> None:
    """Store three requests in this order: `a` was sent, `b` is pending, `c` is by e-mail and was sent."""
    await library.sent(
        "a", [{"to": ANN, "reference": "a0"}, {"to": BOB, "reference": "a1"}, {"to": "x", "reference": "a2"}]
    )
    later = START + timedelta(hours=1)
    mail = {"to": "wei@example.com", "reference": "c0", "variables": {"name": "Wei"}}
    await library.sent(
        "c", [mail], channel="email", subject="Hi", content="<p>Hi {{name}}</p>", at=later + timedelta(1)
    )
    await library.pending("b", [{"to": ANN, "reference": "b0"}], at=later)


async def test_deliveries_come_newest_first_pending_ones_included(library: Library) -> None:
    await three_requests(library)

    answer = await library.get(LOGS)

    assert [(item["reference"], item["status"]) for item in answer["items"]] == [
        ("c0", "sent"),
        ("b0", "pending"),
        ("a0", "sent"),
        ("a1", "sent"),
        ("a2", "failed"),
    ]
    assert answer["code"] == 200
    assert answer["total"] == 5
    assert answer["pagination"] == {
        "page": 1,
        "page_size": 20,
        "total": 5,
        "total_pages": 1,
        "has_next": False,
        "has_prev": False,
    }


async def test_an_item_is_the_contracts_log_with_its_text_rendered(library: Library) -> None:
    await three_requests(library)

    mail, *_, failed = (await library.get(LOGS))["items"]

    assert mail == {
        "id": a_log_id("c"),
        "channel": "email",
        "content": "<p>Hi Wei</p>",
        "recipient": "w***@example.com",
        "status": "sent",
        "provider": "post",
        "tenant_id": "tnt_a",
        "user_id": "usr_a",
        "created_at": "2026-01-03T04:04:05Z",
        "updated_at": "2026-01-02T03:04:05Z",
        "sent_at": "2026-01-02T03:04:05Z",
        "request_id": "c",
        "reference": "c0",
        "attempts": 1,
    }
    sent = await library.get(f"{LOGS}/{a_log_id('a')}")
    assert (sent["encoding"], sent["segments"], "segments" in failed) == ("gsm7", 1, False)
    assert (failed["reason"], failed["attempts"], "sent_at" in failed) == ("invalid_recipient", 0, False)


async def test_a_delivery_shows_the_receipt_that_changed_it(library: Library) -> None:
    await library.sent("a", [ANN])
    logs, first = library.world.ledger.logs, a_log_id("a")
    log = (await logs.get_many([first]))[first]
    bounce = ReceiptClass.HARD_BOUNCE
    await logs.settle([(log, moved(log, Status.FAILED, error="gone", receipt_class=bounce, receipt_code="5.1.1"))])

    shown = await library.get(f"{LOGS}/{first}")

    assert (shown["status"], shown["reason"], shown["error"]) == ("failed", "undelivered", "gone")
    assert (shown["receipt_class"], shown["receipt_code"]) == ("hard_bounce", "5.1.1")
    assert shown["receipt_at"] == "2026-01-02T03:05:05.678000Z"
    assert [item["id"] for item in (await library.get(f"{LOGS}?status=failed"))["items"]] == [first]


async def test_a_delivery_that_waits_for_a_retry_shows_reason_provider_attempts_and_next_try(library: Library) -> None:
    library.world.providers[0].answers = lambda *_: Retry(Reason.UNAVAILABLE, "503", delay_seconds=60)
    await library.sent("a", [{"to": ANN, "reference": "a0"}])

    (listed,) = (await library.get(LOGS))["items"]
    (found,) = (await library.search({"recipient": ANN, "channel": "sms"}))["items"]
    one = await library.get(f"{LOGS}/{a_log_id('a')}")

    for item in (listed, found, one):
        assert (item["status"], item["reason"], item["provider"]) == ("pending", "unavailable", "book")
        assert (item["attempts"], item["next_attempt_at"]) == (1, "2026-01-02T03:05:07.500000Z")


async def test_only_a_delivery_that_waits_for_a_retry_has_a_next_try(library: Library) -> None:
    await three_requests(library)

    assert not any("next_attempt_at" in item for item in (await library.get(LOGS))["items"])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("channel=sms", ["b0", "a0", "a1", "a2"]),
        ("channel=email", ["c0"]),
        ("status=sent", ["c0", "a0", "a1"]),
        ("status=pending", ["b0"]),
        ("status=failed&status=pending", ["b0", "a2"]),
        ("request_id=a", ["a0", "a1", "a2"]),
        ("request_id=unknown", []),
        ("reference=a1", ["a1"]),
        ("from=2026-01-02T04:00:00Z", ["c0", "b0"]),
        ("to=2026-01-02T12:04:05%2B08:00", ["a0", "a1", "a2"]),
        ("from=2026-01-02T04:04:05Z&to=2026-01-03T00:00:00Z", ["b0"]),
        ("request_id=a&status=sent&page_size=1&page=2", ["a1"]),
    ],
)
async def test_each_filter_narrows_the_list(library: Library, query: str, expected: list[str]) -> None:
    await three_requests(library)

    assert references(await library.get(f"{LOGS}?{query}")) == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("recipient=13800138000", "recipient: must not be in a URL. Use POST /communication/logs/search."),
        ("user=x", "(unknown): is not a parameter of this route"),
        ("user_id=x", "(unknown): is not a parameter of this route"),
        ("tenant_id=tnt_b", "(unknown): is not a parameter of this route"),
        ("page=1&page=2", "page: is given twice"),
        ("channel=fax", "channel: "),
        ("channel=", "channel: "),
        ("status=gone", "status[0]: "),
        ("request_id=a%20b", "request_id: "),
        ("reference=" + "x" * 201, "reference: "),
        ("from=yesterday", "from: "),
        ("from=1767322800", "from: "),
        ("from=2026-01-02T04:00:00", "from: has no UTC offset"),
        ("from=2026-01-02T04:00:00+08:00", "from: has a space before the UTC offset"),
        ("from=2026-13-02T04:00:00Z", "from: the month must be between 01 and 12, and is 13"),
        ("to=2026-01-02", "to: has a date, but no time and no UTC offset. Write it as 2026-01-31T09:00:00+08:00"),
        ("from=2026-01-02T04:00:00Z&to=2026-01-02T04:00:00Z", "to: must be after `from`"),
        ("page=0", "page: "),
        ("page=x", "page: "),
        ("page=10001", "page: "),
        ("page=101&page_size=100", "page: must end within the first 10,000 items"),
        ("page_size=0", "page_size: "),
        ("page_size=101", "page_size: "),
        ("after=", "after: "),
        ("after=bm9uc2Vuc2U", "after: must be the `next`"),
        ("after=%F0%9F%98%80", "after: must be the `next`"),
        ("after=" + "A" * 301, "after: "),
        ("after=LTk5OTk5OTk5OTk5OTk5OSAxIDEgMSB4&page_size=5", "after: must be the `next`"),
        ("after=MCAyIDEgMSBsb2c&page=2", "page: must not be given together"),
    ],
)
async def test_a_wrong_parameter_is_named(library: Library, query: str, message: str) -> None:
    answer = await library.get(f"{LOGS}?{query}", status=400)

    assert answer.keys() == {"code", "message", "timestamp"}
    assert answer["message"].startswith(message)
    assert "13800138000" not in answer["message"]


@pytest.mark.parametrize("page_size", [1, 2, 4, 100])
async def test_a_cursor_continues_correctly_while_requests_arrive(library: Library, page_size: int) -> None:
    await three_requests(library)
    expected = references(await library.get(LOGS))
    seen: list[str] = []
    query, page = f"page_size={page_size}", 0

    while query:
        answer = await library.get(f"{LOGS}?{query}")
        seen += references(answer)
        page += 1
        paging = answer["pagination"]
        assert (paging["page"], paging["total"], paging["has_prev"]) == (page, 5, page > 1)
        assert paging["has_next"] == ("next" in paging)
        query = f"page_size={page_size}&after={paging['next']}" if paging["has_next"] else ""
        await library.sent(f"new-{page}", [{"to": EVE, "reference": "new"}], at=START + timedelta(days=10))

    assert seen == expected


async def test_a_cursor_of_another_tenant_shows_nothing_of_it(library: Library) -> None:
    await three_requests(library)
    await library.sent("mine", [{"to": ANN, "reference": "mine"}], tenant="tnt_b")
    theirs = (await library.get(f"{LOGS}?page_size=1"))["pagination"]["next"]

    assert references(await library.get(f"{LOGS}?after={theirs}", tenant="tnt_b")) == ["mine"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"recipient": ANN}, ["b0", "a0"]),
        ({"recipient": "+86 138 0013 8000"}, ["b0", "a0"]),
        ({"recipient": ANN, "status": "sent"}, ["a0"]),
        ({"recipient": ANN, "status": ["sent", "pending"], "channel": "sms"}, ["b0", "a0"]),
        ({"recipient": ANN, "channel": "email"}, []),
        ({"recipient": "wei@EXAMPLE.com"}, ["c0"]),
        ({"recipient": "x"}, ["a2"]),
        ({"recipient": "nobody@example.com"}, []),
        ({"request_id": "a", "page_size": 2}, ["a0", "a1"]),
        ({"from": "2026-01-02T04:04:05Z", "to": "2026-01-03T00:00:00Z"}, ["b0"]),
        ({}, ["c0", "b0", "a0", "a1", "a2"]),
    ],
)
async def test_a_search_finds_by_recipient(library: Library, body: dict[str, Any], expected: list[str]) -> None:
    await three_requests(library)

    assert references(await library.search(body)) == expected


async def test_a_search_finds_recipients_that_were_hashed_under_an_older_key() -> None:
    library = Library(keys="k2:" + "QUFB" * 10 + "QUE=,k1:" + "A" * 43 + "=")
    async with library.service:
        await library.sent("a", [{"to": ANN, "reference": "a0"}])

        answer = await library.search({"recipient": ANN})

    assert references(answer) == ["a0"]
    assert answer["items"][0]["content"] == "hello"


async def test_a_text_whose_sealing_key_is_gone_is_omitted() -> None:
    library = Library(keys="k2:" + "QUFB" * 10 + "QUE=")
    async with library.service:
        await library.sent("a", [{"to": ANN, "reference": "a0", "variables": {"n": "7"}}], content="{{n}}")

        (item,) = (await library.get(LOGS))["items"]

    assert "content" not in item


async def test_a_search_has_a_small_limit_which_the_longest_conditions_keep(library: Library) -> None:
    longest = {"recipient": "\x01" * 320, "reference": "\x01" * 200, "request_id": "r" * 128, "status": [*Status]}
    assert (await library.search(longest))["total"] == 0
    answer = await library.search({"reference": "x" * MAX_SEARCH_BYTES}, status=413)
    assert answer["message"] == "the body is larger than 16384 bytes. Send less in one call."


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"recipients": ["x"]}, "(unknown): "),
        ({"recipient": ""}, "recipient: "),
        ({"recipient": 1}, "recipient: "),
        ({"tenant_id": "tnt_b"}, "(unknown): "),
        ({"page": "1"}, "page: "),
        ({"status": "gone"}, "status"),
        ({"status": [1] * 7_000}, "status[0]: "),
        ({str(number): 1 for number in range(1_500)}, "(unknown): is not a field of this body"),
        ({"from": 0}, "from: "),
        ({"after": "x"}, "after: "),
    ],
)
async def test_a_wrong_field_of_a_search_is_named(library: Library, body: dict[str, Any], message: str) -> None:
    assert (await library.search(body, status=400))["message"].startswith(message)


async def test_a_search_in_a_query_string_is_refused(library: Library) -> None:
    token = a_token(READ)
    answer = await library.service.client.post(
        "/communication/logs/search?recipient=1", json={}, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("recipient: must not be in a URL")


@pytest.mark.parametrize("request_id", ["a", "b", "c"])
async def test_a_single_delivery_equals_its_item_in_the_list(library: Library, request_id: str) -> None:
    await three_requests(library)
    listed = (await library.get(f"{LOGS}?request_id={request_id}"))["items"]

    for item in listed:
        alone = await library.get(f"{LOGS}/{item['id']}")
        assert {name: alone[name] for name in item} == item
        assert alone.keys() - item.keys() == {"code", "message", "timestamp"}


async def test_each_text_has_the_variables_of_its_recipient_in_every_chunk_and_part(library: Library) -> None:
    fields = {"content": "{{n}}", "variables": {"n": "?"}}
    first = [{"to": f"1380013800{n}", "variables": {"n": str(n)}} for n in range(6)]
    second = [f"1390013900{n}" for n in range(2)]
    await library.pending("big", first, part=0, last=False, **fields)
    await library.sent("big", second, part=1, last=True, **fields)

    answer = await library.get(f"{LOGS}?request_id=big")

    assert [item["content"] for item in answer["items"]] == ["0", "1", "2", "3", "4", "5", "?", "?"]


@pytest.mark.parametrize("path", [LOGS, f"{LOGS}/x", "/communication/requests", "/communication/requests/x"])
async def test_reading_needs_a_token_and_its_scope(library: Library, path: str) -> None:
    assert (await library.service.client.get(path)).status_code == 401
    assert "communication:read" in (await library.get(path, "communication:send", status=403))["message"]
    assert (await library.service.get(path, a_token(ADMIN))).status_code in (200, 404)


async def test_a_text_that_variables_make_too_long_fails_and_is_not_shown(library: Library) -> None:
    big = {"to": ANN, "variables": {"x": "y" * 1_000}}
    await library.sent("big", [big], content="{{x}}" * 501)

    (item,) = (await library.get(LOGS))["items"]

    assert (item["status"], item["reason"], "content" in item) == ("failed", "invalid_content", False)
    answer = await library.service.send({"channel": "sms", "content": "{{x}}" * 501, "recipients": [big]})
    assert (answer.status_code, "content" in answer.json()["items"][0]) == (200, False)


async def test_the_total_of_a_very_large_request_comes_from_its_parts(library: Library) -> None:
    library.world.limits = replace(library.world.limits, chunk_size=500)
    await library.pending("big", [f"138{number:08}" for number in range(10_050)])

    alone = (await library.get(f"{LOGS}?request_id=big"))["pagination"]
    narrowed = (await library.get(f"{LOGS}?request_id=big&channel=sms"))["pagination"]

    assert (alone["total"], alone["total_pages"], "more_than_total" in alone) == (10_050, 503, False)
    assert (narrowed["total"], narrowed["total_pages"], narrowed["more_than_total"]) == (10_000, 500, True)
