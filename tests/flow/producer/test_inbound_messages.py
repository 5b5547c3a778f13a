"""SMS from people over HTTP: STOP, START and HELP, and whom they concern."""

import os
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson
import pytest
from twilio.request_validator import RequestValidator

from config.settings import parse_sealing_keys
from ledger.sealing import Sealer
from tests.flow.producer import suppressed
from tests.flow.producer.callbacks import GATEWAY, KEY, SECRET, signed
from tests.flow.producer.own_providers import create
from tests.flow.producer.test_tenant_callbacks import a_config
from tests.support.builders import a_log
from tests.support.service import Service, a_service, gateway_without_mongodb, some_settings

NUMBER = "+8613800138000"
ENTRY = {"reason": "opted_out", "scope": "all", "source": "inbound"}
TWILIO = {"kind": "twilio", "provider": "twilio", "account_sid": "AC" + "0" * 32, "auth_token": "t" * 32}


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with a_service(receipts=[GATEWAY, TWILIO]) as service:
        service.clock.random_bytes = os.urandom
        yield service


async def has_written(service: Service, *tenants: str, provider: str = "gateway") -> None:
    """Store a log of each of these tenants to the number."""
    sealer = Sealer(parse_sealing_keys(some_settings().sealing_keys))
    digest = sealer.hash(NUMBER.encode(), sealer.newest)
    logs = [a_log(tenant_id=tenant, provider=provider)._replace(recipient_hash=digest) for tenant in tenants]
    await service.ledger.logs.insert_or_get(logs)


async def say(
    service: Service, text: str, message_id: str, provider: str = "gateway", **changes: Any
) -> httpx.Response:
    body = orjson.dumps({"inbound": [{"message_id": message_id, "from": NUMBER, "text": text, **changes}]})
    return await post(service, body, provider, signed(body))


async def post(service: Service, body: bytes, provider: str, headers: dict[str, str]) -> httpx.Response:
    return await service.client.post(f"/communication/inbound/{provider}", content=body, headers=headers)


async def entries(service: Service, tenant: str = "tnt_a", channel: str = "sms") -> list[dict[str, Any]]:
    body = {"channel": channel, "recipient": NUMBER if channel == "sms" else "a@example.com"}
    answer = await suppressed.call(service, "POST", "/search", body, tenant=tenant)
    found: list[dict[str, Any]] = answer.json()["data"]["entries"]
    return [{name: entry[name] for name in ENTRY} for entry in found]


async def counted(service: Service) -> dict[str, float]:
    lines = (await service.client.get("/metrics")).text.splitlines()
    found = [line for line in lines if line.startswith("rollcall_inbound_messages_total")]
    return {line.partition('word="')[2].partition('"')[0]: float(line.rpartition(" ")[2]) for line in found}


async def test_stop_suppresses_the_number_for_each_tenant_that_wrote_to_it_over_the_provider(service: Service) -> None:
    await has_written(service, "tnt_a", "tnt_b")
    await has_written(service, "tnt_c", provider="another")

    answer = await say(service, "Stop", "m1")

    assert (answer.status_code, answer.content) == (204, b"")
    assert await entries(service, "tnt_a") == await entries(service, "tnt_b") == [ENTRY]
    assert await entries(service, "tnt_c") == []
    assert await counted(service) == {"stop": 1}


async def test_the_answer_comes_when_all_consumers_look_for_the_entries(service: Service) -> None:
    await has_written(service, "tnt_a", "tnt_b")

    await say(service, "Stop", "m1")
    assert service.clock.slept == 8

    await say(service, "Start", "m2")
    assert service.clock.slept == 8


async def test_start_takes_back_the_opt_out_and_nothing_else(service: Service) -> None:
    await has_written(service, "tnt_a")
    await say(service, "STOP", "m1")
    bounced = {"channel": "sms", "recipient": NUMBER, "reason": "bounced"}
    await suppressed.add(service, bounced)

    assert (await say(service, "start", "m2")).status_code == 204

    assert [entry["reason"] for entry in await entries(service)] == ["bounced"]
    assert await counted(service) == {"stop": 1, "start": 1}


async def test_start_at_a_shared_provider_does_not_undo_what_a_tenant_was_told_in_another_way(
    service: Service,
) -> None:
    await has_written(service, "tnt_a", "tnt_b")
    told = {"channel": "sms", "recipient": NUMBER, "reason": "opted_out"}
    await suppressed.add(service, told)
    await say(service, "stop", "m1")

    await say(service, "yes", "m2")

    assert [entry["source"] for entry in await entries(service)] == ["api"]
    assert await entries(service, "tnt_b") == []


async def test_a_late_repeat_does_not_undo_a_newer_message(service: Service) -> None:
    await has_written(service, "tnt_a")
    for text, message_id in (("stop", "m1"), ("start", "m2"), ("stop", "m3"), ("start", "m2")):
        assert (await say(service, text, message_id)).status_code == 204

    assert await entries(service) == [ENTRY]


@pytest.mark.parametrize(
    ("text", "label"), [("HELP", "help"), ("When do you open?", "other"), ("Stop calling me", "other")]
)
async def test_another_text_changes_nothing(service: Service, text: str, label: str) -> None:
    await has_written(service, "tnt_a")

    assert (await say(service, text, "m1")).status_code == 204

    assert await entries(service) == []
    assert await counted(service) == {label: 1}


async def test_a_sender_that_is_no_phone_is_counted(service: Service) -> None:
    assert (await say(service, "Stop", "m1", **{"from": "Bank"})).status_code == 204
    assert await counted(service) == {"not_sms": 1}


@pytest.mark.parametrize("sender", ["8613800138000", "13800138000", "+86 138 0013 8000"])
async def test_the_number_may_be_written_without_its_plus_or_in_parts(service: Service, sender: str) -> None:
    await has_written(service, "tnt_a")

    await say(service, "Stop", "m1", **{"from": sender})

    assert await entries(service) == [ENTRY]


async def test_a_message_of_twilio_is_signed_by_twilio(service: Service) -> None:
    await has_written(service, "tnt_a", provider="twilio")
    fields = {"MessageSid": "SM1", "AccountSid": TWILIO["account_sid"], "From": NUMBER, "Body": "T"}
    url = "http://rollcall/communication/inbound/twilio"
    signature = RequestValidator(TWILIO["auth_token"]).compute_signature(url, fields)
    headers = {"X-Twilio-Signature": signature}

    forged = urlencode({**fields, "Body": "Stop"}).encode()
    assert (await post(service, forged, "twilio", headers)).status_code == 401
    assert await entries(service) == []

    assert (await post(service, urlencode(fields).encode(), "twilio", headers)).status_code == 204
    assert await entries(service) == [ENTRY]


async def test_a_message_over_an_own_provider_concerns_its_tenant_alone_and_needs_no_log(service: Service) -> None:
    data = await create(service, config=a_config())
    await has_written(service, "tnt_b", provider=data["id"])

    assert (await say(service, "Stop", "m1", data["id"])).status_code == 204

    assert await entries(service, "tnt_a") == [ENTRY]
    assert await entries(service, "tnt_b") == []


async def test_a_call_that_is_not_signed_or_whose_kind_has_no_messages_changes_nothing() -> None:
    aliyun = {"kind": "aliyun", "provider": "aliyun", "path_secret": SECRET}
    async with a_service(receipts=[GATEWAY, aliyun]) as service:
        await has_written(service, "tnt_a")
        body = orjson.dumps({"inbound": [{"message_id": "m1", "from": NUMBER, "text": "Stop"}]})
        answers = [
            await post(service, body, "gateway", signed(body, KEY[::-1])),
            await post(service, body, "gateway", {}),
            await post(service, body, "unknown", signed(body)),
            await post(service, body, f"aliyun/{SECRET}", {}),
        ]

        assert [answer.status_code for answer in answers] == [401] * 4
        assert len({answer.content for answer in answers}) == 1
        assert await entries(service) == []


async def test_a_signed_body_without_messages_is_refused(service: Service) -> None:
    body = orjson.dumps({"receipts": []})

    assert (await post(service, body, "gateway", signed(body))).status_code == 400


async def test_without_mongodb_the_provider_is_asked_to_send_it_again() -> None:
    async with a_service(gateway=gateway_without_mongodb(), receipts=[GATEWAY]) as service:
        assert (await say(service, "Stop", "m1")).status_code == 503


async def test_a_repeat_of_a_stop_that_came_before_the_log_of_its_message_has_its_effect(service: Service) -> None:
    await say(service, "STOP", "m1")
    await has_written(service, "tnt_a")
    await say(service, "STOP", "m1")

    assert await entries(service) == [ENTRY]
