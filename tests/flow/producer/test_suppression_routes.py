"""Suppressions over HTTP: no address in a URL, and none whole in an answer without the scope for it."""

import asyncio
from typing import Any

import orjson
import pytest

from ledger.suppression_port import MAX_ENTRIES, StoredSuppression
from producer.suppressions.import_lines import MAX_LINE_BYTES, MAX_LINES
from producer.suppressions.pages import MAX_SCANS, SCANNED_AT_ONCE
from tests.flow.producer.suppressed import ADDRESSES, MAIL, MANAGE, OPTED_OUT, PATH, add, call, import_
from tests.support.service import a_service, gateway_without_mongodb

SMS = {"channel": "sms", "recipient": "13800138000"}
NOON = "2026-04-15T12:00:00.001000Z"
MASKED, WHOLE = "A***@example.com", "Ann.Lee@example.com"


def mails(number: int) -> list[dict[str, str]]:
    return [{"channel": "email", "recipient": f"p{n}@example.com", "reason": "manual"} for n in range(number)]


async def test_an_entry_is_added_found_and_removed() -> None:
    async with a_service() as service:
        added = await add(service, scope="list:news")
        assert (added["added"], added["message"]) == (
            True,
            "in effect for all windows that open from now on. A window that is open may still be sent once.",
        )
        assert added["in_effect_from"] <= added["timestamp"]
        entry = {"reason": "opted_out", "scope": "list:news", "source": "api", "since": NOON}
        assert added["data"] == {"channel": "email", "recipient": MASKED, "entries": [entry]}
        assert not (await add(service, scope="list:news"))["added"]

        mail = {**MAIL, "recipient": "ann.lee@EXAMPLE.com"}
        found = (await call(service, "POST", "/search", mail)).json()
        assert found["data"]["entries"] == [entry]

        await add(service, reason="bounced")
        removed = (await call(service, "POST", "/remove", {**mail, "reason": "opted_out"})).json()
        assert (removed["removed"], [each["reason"] for each in removed["data"]["entries"]]) == (1, ["bounced"])
        assert (await call(service, "POST", "/remove", mail)).json()["removed"] == 1
        assert (await call(service, "POST", "/search", mail)).json()["data"]["entries"] == []


async def test_the_first_addition_of_a_tenant_waits_until_all_consumers_look_for_it() -> None:
    async with a_service() as service:
        await add(service)
        assert service.clock.slept == 8
        await add(service)
        assert service.clock.slept == 16  # no time passes in this test, so the key is still as new
        await call(service, "POST", "/search", MAIL)
        assert service.clock.slept == 16


@pytest.mark.parametrize(
    ("path", "body"),
    [("", OPTED_OUT), ("/search", MAIL), ("/remove", {**MAIL, "reason": "bounced"})],
)
async def test_whole_addresses_need_a_scope_of_their_own(path: str, body: dict[str, str]) -> None:
    async with a_service() as service:
        await add(service)
        for scopes, shown in (
            ((MANAGE,), MASKED),
            (("communication:admin",), MASKED),
            ((MANAGE, ADDRESSES), WHOLE),
        ):
            answer = (await call(service, "POST", path, body, *scopes)).json()
            assert answer["data"]["recipient"] == shown


@pytest.mark.parametrize("scope", ["communication:read", "communication:send", ADDRESSES])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("POST", ""), ("POST", "/search"), ("POST", "/remove"), ("POST", "/import"), ("GET", "/export")],
)
async def test_another_scope_is_refused(method: str, path: str, scope: str) -> None:
    async with a_service() as service:
        assert (await call(service, method, path, OPTED_OUT, scope)).status_code == 403


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipient": "Ann"}, "recipient: the address has no @"),
        ({"recipient": ...}, "recipient: is required"),
        ({"reason": "tired"}, "reason: input should be "),
        ({"scope": "category:news"}, "scope: must be all, category: with"),
        ({"scope": "list:my list"}, "scope: must be all, category: with"),
        ({"scope": f"list:{'x' * 65}"}, "scope: must be all, category: with"),
        ({"scope": "category:transactional"}, "scope: must be `all` to stop transactional messages for opted_out"),
        ({"reason": "bounced", "scope": "list:news"}, "scope: must be `all` for bounced, because the address takes"),
        ({"source": "Ann@example.com"}, "source: must have 1 to 64 small letters"),
        ({"until": "2026-04-15T11:00:00Z"}, "until: must be in the future"),
        ({"until": "2026-05-01T00:00:00Z", "since": "2026-05-01T00:00:00Z"}, "until: must be after since"),
        ({"channel": "sms", "region": "UK"}, "region: must be the ISO 3166-1 code of a country"),
        ({"language": "de"}, "(unknown): is not a field of this body"),
    ],
)
async def test_each_wrong_field_of_an_addition_is_named(changes: dict[str, Any], message: str) -> None:
    body = {name: value for name, value in {**OPTED_OUT, **changes}.items() if value is not ...}
    async with a_service() as service:
        answer = await call(service, "POST", "", body)
        assert (answer.status_code, answer.json()["message"][: len(message)]) == (400, message)


async def test_an_address_with_too_many_entries_is_a_conflict() -> None:
    async with a_service() as service:
        await import_(service, *({**OPTED_OUT, "scope": f"list:{n}"} for n in range(MAX_ENTRIES)))
        answer = await call(service, "POST", "", OPTED_OUT)
        assert (answer.status_code, "100 entries" in answer.json()["message"]) == (409, True)


async def test_numbers_are_read_in_the_region_of_the_body_or_of_the_service() -> None:
    async with a_service() as service:
        await add(service, {**SMS, "reason": "manual"})
        await add(service, {"channel": "sms", "recipient": "0171 1234567", "region": "DE", "reason": "manual"})
        items = (await call(service, "GET", "", None, MANAGE, ADDRESSES)).json()["items"]
        assert {each["recipient"] for each in items} == {"+8613800138000", "+491711234567"}


async def test_the_list_has_pages_and_filters() -> None:
    async with a_service() as service:
        await import_(service, *mails(25), {**SMS, "reason": "opted_out", "scope": "list:news"})
        seen: list[str] = []
        query = "?page_size=10"
        for _ in range(3):
            page = (await call(service, "GET", query, None, MANAGE, ADDRESSES)).json()
            seen += [each["recipient"] for each in page["items"]]
            query = f"?page_size=10&after={page.get('next')}"
        assert sorted(seen) == sorted([*(each["recipient"] for each in mails(25)), "+8613800138000"])
        assert "next" not in page

        for conditions, number in (
            ("channel=sms", 1),
            ("channel=email", 25),
            ("reason=opted_out", 1),
            ("scope=list:news", 1),
            ("reason=opted_out&scope=all", 0),
        ):
            items = (await call(service, "GET", f"?{conditions}&page_size=100")).json()["items"]
            assert len(items) == number
        assert (await call(service, "GET", "", None, tenant="tnt_b")).json()["items"] == []


async def test_a_page_of_few_that_meet_the_conditions_reads_a_bounded_number() -> None:
    scanned = SCANNED_AT_ONCE * MAX_SCANS
    async with a_service() as service:
        for begin in range(0, scanned + 100, 5_000):
            await import_(service, *mails(scanned + 100)[begin : begin + 5_000])
        await add(service)
        first = (await call(service, "GET", "?reason=opted_out")).json()
        second = (await call(service, "GET", f"?reason=opted_out&after={first['next']}")).json()
        assert len(first["items"]) + len(second["items"]) == 1
        assert "next" not in second


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?recipient=ann@example.com", "(unknown): is not a parameter of this route."),
        ("?after=xyz", "after: string should match pattern"),
        ("?scope=list:a%20b", "scope: must be all, category: with"),
        ("?page_size=101", "page_size: "),
    ],
)
async def test_a_wrong_parameter_of_the_list_is_named(query: str, message: str) -> None:
    async with a_service() as service:
        answer = await call(service, "GET", query)
        assert (answer.status_code, answer.json()["message"][: len(message)]) == (400, message)


async def test_an_import_takes_the_good_lines_and_names_the_bad_ones() -> None:
    lines = [OPTED_OUT, b"", {**MAIL}, b"{", {**OPTED_OUT, "recipient": "x"}, {**SMS, "reason": "manual"}]
    async with a_service() as service:
        first = await import_(service, *lines, b"x" * (MAX_LINE_BYTES + 1))
        assert (first["added"], first["unchanged"], first["failed"]) == (2, 0, 4)
        assert [(each["line"], each["problem"].partition(":")[0]) for each in first["problems"]] == [
            (3, "reason"),
            (4, "the line is not JSON"),
            (5, "recipient"),
            (7, "must have at most 4,096 bytes"),
        ]
        second = await import_(service, *lines)
        assert (second["added"], second["unchanged"], second["failed"]) == (0, 2, 3)


async def test_an_import_names_a_line_for_which_an_address_has_no_room() -> None:
    async with a_service() as service:
        imported = await import_(service, *({**OPTED_OUT, "scope": f"list:{n}"} for n in range(MAX_ENTRIES + 1)))
        assert (imported["added"], [each["line"] for each in imported["problems"]]) == (MAX_ENTRIES, [MAX_ENTRIES + 1])


async def test_an_import_has_a_bounded_number_of_lines() -> None:
    async with a_service() as service:
        assert (await import_(service, *[b""] * (MAX_LINES - 1), OPTED_OUT, b""))["added"] == 1
        answer = await call(service, "POST", "/import", b"\n" * (MAX_LINES + 1), media_type="application/x-ndjson")
        assert (answer.status_code, "more than 10,000 lines" in answer.json()["message"]) == (400, True)
        answer = await call(service, "POST", "/import", b" \n", media_type="application/x-ndjson")
        assert (answer.status_code, answer.json()["message"]) == (400, "the body has no lines")
        answer = await call(service, "POST", "/import", b" " * 4_194_305, media_type="application/x-ndjson")
        assert answer.status_code == 413
        answer = await call(service, "POST", "/import", OPTED_OUT)
        assert (answer.status_code, answer.json()["message"]) == (415, "Content-Type must be application/x-ndjson")


async def test_an_export_with_whole_addresses_is_an_import() -> None:
    lines = [*mails(1_200), {**OPTED_OUT, "scope": "list:news", "until": "2030-01-01T00:00:00Z"}, OPTED_OUT]
    async with a_service() as service:
        await import_(service, *lines)
        answer = await call(service, "GET", "/export", None, MANAGE, ADDRESSES)
        assert answer.headers["content-type"] == "application/x-ndjson"
        exported = answer.content.splitlines()
        assert len(exported) == len(lines)
        imported = await import_(service, *exported, tenant="tnt_b")
        assert (imported["added"], imported["failed"]) == (len(lines), 0)
        again = await call(service, "GET", "/export", None, MANAGE, ADDRESSES, tenant="tnt_b")
        assert sorted(again.content.splitlines()) == sorted(exported)


async def test_an_export_without_the_scope_for_addresses_is_masked() -> None:
    async with a_service() as service:
        assert (await call(service, "GET", "/export")).content == b""
        await add(service)
        (line,) = (await call(service, "GET", "/export", None, "communication:admin")).content.splitlines()
        assert orjson.loads(line)["recipient"] == MASKED


async def test_a_body_about_one_address_is_small() -> None:
    async with a_service() as service:
        for path in ("", "/search", "/remove"):
            assert (await call(service, "POST", path, b" " * (16 * 1024 + 1))).status_code == 413


async def test_exports_of_one_tenant_take_turns() -> None:
    async with a_service() as service:
        await add(service)
        suppressions, released = service.ledger.suppressions, asyncio.Event()
        read = suppressions.list_range

        async def wait_and_read(after: str, before: str, limit: int) -> list[StoredSuppression]:
            await released.wait()
            return await read(after, before, limit)

        suppressions.list_range = wait_and_read  # type: ignore[method-assign]
        exports = [asyncio.create_task(call(service, "GET", "/export")) for _ in range(12)]
        (refused,), waiting = await asyncio.wait(exports, return_when=asyncio.FIRST_COMPLETED)
        assert refused.result().status_code == 503
        released.set()
        assert {(await each).status_code for each in waiting} == {200}


async def test_without_mongodb_or_the_key_of_the_tenant_each_call_is_a_503() -> None:
    calls: list[tuple[str, str, Any]] = [("GET", "", None), ("POST", "", OPTED_OUT), ("GET", "/export", None)]
    async with a_service(gateway=gateway_without_mongodb()) as service:
        assert {(await call(service, *each)).status_code for each in calls} == {503}
    async with a_service() as service:
        await add(service)
        async with a_service(service.ledger, sealing_keys="k2:" + "QkJC" * 10 + "QkI=") as other:
            answers = [await call(other, *each) for each in calls]
            assert {answer.status_code for answer in answers} == {503}
            assert "Ask the operator for the sealing key" in answers[0].json()["message"]


async def test_no_answer_and_no_log_line_has_an_address(capsys: pytest.CaptureFixture[str]) -> None:
    async with a_service() as service:
        await add(service)
        await import_(service, OPTED_OUT, {**OPTED_OUT, "recipient": "Ann.Lee example.com"})
        for method, path, body in (("GET", "", None), ("POST", "/search", MAIL), ("POST", "/remove", MAIL)):
            assert "Lee" not in (await call(service, method, path, body)).text
    printed = capsys.readouterr()
    assert PATH in printed.out + printed.err
    assert "Lee" not in printed.out + printed.err
