"""Unsubscribing by a link: the page, the button, one click, and links that are not valid."""

import re
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

import httpx
import pytest

from core.ids import log_id, request_key, tenant_key_id
from ledger.memory import MemoryLedger
from ledger.sealing import Sealer
from ledger.suppression_key import SuppressionKey
from ledger.tenant_key import get_or_create_key, open_tenant_key
from ledger.unsubscribe_links import Link, LinkKey, day_of
from producer.clock import ClockAndRandom
from producer.unsubscribe.find_link import LOOK_UPS_PER_SECOND, MAX_AGE_SECONDS, MAX_TENANTS, LinkFinder
from producer.unsubscribe.sentences import SENTENCES
from schemas.statuses import Channel, SuppressionReason
from tests.flow.sample_requests import KEY
from tests.support.service import NOON, Service, a_service, gateway_without_mongodb

SEALER = Sealer([("k1", bytes(32))])
ANNA = "anna@example.com"
LINK = Link(Channel.EMAIL, ANNA, None, None, day_of(NOON), log_id(request_key("tnt_a", "r1"), 0, 0))
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


async def a_token(service: Service, tenant: str = "tnt_a", **changes: Any) -> str:
    """Return the token of a link, as a consumer made it an hour ago."""
    stored = await get_or_create_key(service.ledger.tenants, tenant, SEALER, NOON - timedelta(hours=1))
    return LinkKey(open_tenant_key(stored, tenant, SEALER)).token(LINK._replace(**changes))


def the_service(**changes: Any) -> Service:
    return a_service(**{"sealing_keys": KEY, **changes})


def url(token: str) -> str:
    return f"/communication/unsubscribe/{token}"


async def entries(service: Service, tenant: str = "tnt_a", address: str = ANNA) -> list[tuple[str, str, str]]:
    """Return reason, scope and source of what is stored of an address."""
    stored = (await service.ledger.tenants.get(tenant)).key
    if stored is None:
        return []
    key = SuppressionKey(open_tenant_key(stored, tenant, SEALER)).id_of(Channel.EMAIL, address)
    found = await service.ledger.suppressions.get(key)
    return [(each.reason, each.scope, each.source) for each in found.entries] if found else []


def text(answer: httpx.Response) -> str:
    return re.sub(r"<style>.*</style>|<[^>]*>", " ", answer.text)


async def test_a_get_shows_a_button_and_changes_nothing() -> None:
    async with the_service() as service:
        answer = await service.client.get(url(await a_token(service)))

        assert answer.status_code == 200
        field = '<input type="hidden" name="List-Unsubscribe" value="One-Click">'
        assert f'<form method="post">{field}<button>Unsubscribe</button></form>' in answer.text
        assert await entries(service) == []


@pytest.mark.parametrize("body", [{"data": ONE_CLICK}, {"files": {"List-Unsubscribe": (None, "One-Click")}}, {}])
async def test_a_post_records_the_opt_out_without_a_login(body: dict[str, Any]) -> None:
    async with the_service() as service:
        answer = await service.client.post(url(await a_token(service)), **body)

        assert (answer.status_code, "unsubscribed" in text(answer)) == (200, True)
        assert await entries(service) == [
            (SuppressionReason.OPTED_OUT, "category:marketing", f"unsubscribe:{LINK.log_id}")
        ]


async def test_a_second_post_gets_the_same_answer_and_changes_nothing() -> None:
    async with the_service() as service:
        token = await a_token(service)
        first, second = [await service.client.post(url(token), data=ONE_CLICK) for _ in range(2)]

        assert (first.status_code, first.content) == (second.status_code, second.content)
        assert len(await entries(service)) == 1


async def test_a_link_of_a_list_ends_that_list_alone() -> None:
    async with the_service() as service:
        await service.client.post(url(await a_token(service, mailing_list="weekly")))
        await service.client.post(url(await a_token(service, address="Ben@example.com")))

        assert [scope for _, scope, _ in await entries(service)] == ["list:weekly"]
        assert [scope for _, scope, _ in await entries(service, address="ben@EXAMPLE.com")] == ["category:marketing"]


async def test_a_head_has_the_headers_of_a_get() -> None:
    async with the_service() as service:
        token = await a_token(service)
        got, head = await service.client.get(url(token)), await service.client.head(url(token))

        assert head.status_code == 200
        assert {**head.headers, "x-request-id": ""} == {**got.headers, "x-request-id": ""}


async def test_every_link_that_is_not_valid_gets_the_same_bytes() -> None:
    async with the_service() as service:
        token = await a_token(service, language="de")
        other = await a_token(service, "tnt_b")
        unknown = tenant_key_id(b"0123456789")
        wrong = {
            "changed": token[:40] + ("A" if token[40] != "A" else "B") + token[41:],
            "cut": token[:-1],
            "longer": f"{token}A",
            "behind a slash": f"{token}/x",
            "foreign": other[:16] + token[16:],
            "unknown": unknown + token[16:],
            "expired": await a_token(service, language="de", day=LINK.day - 61),
            "empty": "",
            "blank": "%20",
            "huge": "A" * 5_000,
            "not UTF-8": "%ff%fe",
            "sealed by nobody": token[:16] + urlsafe_b64encode(bytes(80)).decode(),
        }
        answers = {
            (name, method): await service.client.request(method, url(each))
            for name, each in wrong.items()
            for method in ("GET", "POST")
        }

        assert {answer.status_code for answer in answers.values()} == {404}
        assert len({answer.content for answer in answers.values()}) == 1
        assert await entries(service) == await entries(service, "tnt_b") == []
        assert (await service.client.get(url(await a_token(service, day=LINK.day - 60)))).status_code == 200


async def test_the_time_of_a_link_is_a_setting() -> None:
    async with the_service(unsubscribe_days=30) as service:
        for days, status in ((30, 200), (31, 404)):
            token = await a_token(service, day=LINK.day - days)
            assert (await service.client.get(url(token))).status_code == status


async def test_a_link_outlives_the_rotation_of_the_sealing_keys() -> None:
    ledger = MemoryLedger(lambda: NOON)
    async with a_service(ledger, sealing_keys=KEY) as old:
        token = await a_token(old)
    rotated = "k2:" + "QUFB" * 10 + "QUE=," + KEY
    async with a_service(ledger, sealing_keys=rotated) as new:
        assert (await new.client.post(url(token))).status_code == 200
        assert len(await entries(new)) == 1


async def test_no_page_shows_an_address_or_takes_anything_from_elsewhere() -> None:
    async with the_service() as service:
        token = await a_token(service)
        answers = [
            await service.client.get(url(token)),
            await service.client.post(url(token)),
            await service.client.get(url("x")),
        ]

        for answer in answers:
            assert not re.search(rf"anna|{token}|<script|https?:|src=|href=", answer.text)
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["x-robots-tag"] == "noindex"
            assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("known", "accepted", "shown"),
    [
        ("de", "fr", "de"),
        ("it", "fr;q=0.5, zh-CN, es;q=0.9", "zh"),
        (None, "fr-CH, fr;q=0.9, en;q=0.8", "fr"),
        (None, "ja, *;q=0.5", "en"),
        (None, "de;q=0", "en"),
        (None, "", "en"),
        (None, "," * 600 + "de", "en"),
    ],
)
async def test_the_page_is_in_the_language_of_the_recipient_else_of_the_browser(
    known: str | None, accepted: str, shown: str
) -> None:
    async with the_service() as service:
        link = url(await a_token(service, language=known))
        answer = await service.client.get(link, headers={"Accept-Language": accepted})

        assert f'<html lang="{shown}">' in answer.text
        assert SENTENCES[shown].title in answer.text


async def test_no_log_line_and_no_metric_shows_a_link(capsys: pytest.CaptureFixture[str]) -> None:
    async with the_service() as service:
        token = await a_token(service)
        for path in (url(token), url(token[:-1]), url(f"{token}/x")):
            await service.client.post(path)
            await service.client.request("PUT", path)
        metrics = (await service.client.get("/metrics")).text

        lines = capsys.readouterr().out
        assert lines.count("request finished") == 6
        assert token[20:60] not in lines + metrics
        assert 'route="/communication/unsubscribe/{token:path}"' in metrics


async def test_a_link_is_posted_ten_times_at_once_and_no_more() -> None:
    async with the_service() as service:
        token, other = await a_token(service), await a_token(service, address="ben@example.com")
        statuses = [(await service.client.post(url(token))).status_code for _ in range(11)]

        assert statuses == [200] * 10 + [429]
        assert (await service.client.post(url(other))).status_code == 200
        assert (await service.client.get(url(token))).status_code == 200
        service.clock.monotonic += 1
        assert (await service.client.post(url(token))).status_code == 200


async def test_made_up_keys_cost_a_bounded_number_of_look_ups_and_delay_no_known_tenant() -> None:
    async with the_service() as service:
        token = await a_token(service)
        await service.client.get(url(token))
        made_up = [tenant_key_id(bytes([number]) * 10) + token[16:] for number in range(LOOK_UPS_PER_SECOND)]
        statuses = [(await service.client.get(url(each))).status_code for each in made_up]

        assert statuses == [404] * (LOOK_UPS_PER_SECOND - 1) + [429]
        assert (await service.client.post(url(token))).status_code == 200


async def test_made_up_keys_delay_no_tenant_whose_key_was_remembered_for_too_long() -> None:
    async with the_service() as service:
        token = await a_token(service)
        await service.client.get(url(token))
        service.clock.monotonic += MAX_AGE_SECONDS
        for number in range(LOOK_UPS_PER_SECOND):
            await service.client.get(url(tenant_key_id(bytes([number]) * 10) + token[16:]))

        assert (await service.client.post(url(token))).status_code == 200


async def test_few_tenants_are_remembered() -> None:
    async with the_service() as service:
        clock = ClockAndRandom(lambda: NOON, monotonic=lambda: service.clock.monotonic)
        finder = LinkFinder(service.gateway, SEALER, clock, 60)
        for number in range(MAX_TENANTS + 2):
            service.clock.monotonic += 1 / LOOK_UPS_PER_SECOND
            assert await finder.find(await a_token(service, f"tnt_{number}"))

        assert len(finder._keys) == MAX_TENANTS


async def test_an_answer_waits_until_all_consumers_know_a_new_key() -> None:
    async with the_service() as service:
        stored = await get_or_create_key(service.ledger.tenants, "tnt_a", SEALER, NOON)
        token = LinkKey(open_tenant_key(stored, "tnt_a", SEALER)).token(LINK)

        assert (await service.client.post(url(token))).status_code == 200
        assert service.clock.slept == pytest.approx(8, abs=0.01)


async def test_without_mongodb_nothing_is_recorded_and_the_answer_says_to_try_again() -> None:
    async with the_service() as service:
        token = await a_token(service)
    async with the_service(gateway=gateway_without_mongodb()) as down:
        answer = await down.client.post(url(token))

        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert "try again" in text(answer)
