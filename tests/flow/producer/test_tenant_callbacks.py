"""Receipts of the providers that tenants manage themselves."""

import json
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ledger.ports import Ledger
from ledger.sealing import Sealer
from producer.callbacks.tenant_sources import LOOK_UPS_PER_SECOND, MAX_AGE_SECONDS, TenantSources
from producer.ledger_gateway import LedgerGateway
from tests.flow.producer.callbacks import DELIVERED, KEY, SECRET, a_body, call, metrics_of, published, signed
from tests.flow.producer.own_providers import CONFIG, GATEWAY, WRITE_PATH, create
from tests.flow.producer.own_providers import call as call_api
from tests.support.service import Service, a_service

RECEIPTS = {"signing_key": KEY}
BODY = a_body({**DELIVERED, "message_id": "m1", "recipient": "13800138000"})


def a_config(receipts: Any = RECEIPTS) -> str:
    return json.dumps({**json.loads(CONFIG), "receipts": receipts})


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with a_service() as service:
        service.clock.random_bytes = os.urandom
        yield service


async def status(service: Service, provider_id: str, key: str = KEY) -> int:
    return (await call(service, BODY, provider_id, signed(BODY, key))).status_code


async def test_the_receipts_of_an_own_provider_name_its_id_and_its_tenant(service: Service) -> None:
    data = await create(service, config=a_config())

    answer = await call(service, BODY, data["id"])

    assert answer.json()["data"] == {"provider": data["id"], "received": True}
    (receipt,) = published(service)
    assert (receipt.provider, receipt.tenant_id, len(receipt.recipient_hashes)) == (data["id"], "tnt_a", 1)
    (line,) = [line for line in await metrics_of(service) if line.startswith("rollcall_callback_receipts_total")]
    assert line == 'rollcall_callback_receipts_total{provider="own",receipt_class="none",status="delivered"} 1.0'


async def test_the_keys_of_receipts_are_hidden_whole(service: Service) -> None:
    data = await create(service, config=a_config({**RECEIPTS, "path_secret": SECRET, "max_age_seconds": 60}))

    assert json.loads(data["config"])["receipts"] == "***"
    assert await status(service, f"{data['id']}/{SECRET}") == 200


async def test_a_provider_without_keys_gets_the_answer_of_one_that_does_not_exist(service: Service) -> None:
    with_null = await create(service, config=a_config(None))
    without = await create(service, provider="second")

    for provider_id in (with_null["id"], without["id"], "prv_0123456789abcdef", "prv_0123456789abcdeU"):
        assert await status(service, provider_id) == 401
    assert service.publisher.records == []


async def test_a_change_of_the_keys_counts_within_seconds(service: Service) -> None:
    path = f"{WRITE_PATH}/{(data := await create(service, config=a_config()))['id']}"
    assert await status(service, data["id"]) == 200

    await call_api(service, "PUT", path, {"config": a_config({"signing_key": KEY[::-1]}), "is_active": False})
    service.clock.monotonic += MAX_AGE_SECONDS
    assert await status(service, data["id"]) == 401
    assert await status(service, data["id"], KEY[::-1]) == 200

    await call_api(service, "DELETE", path)
    service.clock.monotonic += MAX_AGE_SECONDS
    assert await status(service, data["id"], KEY[::-1]) == 401


@pytest.mark.parametrize(
    ("receipts", "problem"),
    [
        ({}, "config.receipts.signing_key: is required"),
        ("***", "config.receipts: must be the secret itself. An answer shows *** in place of it"),
        ([], "config.receipts: must be an object with the keys for receipts"),
        ({"signing_key": "short"}, "config.receipts.signing_key: must have at least 32 characters"),
        ({**RECEIPTS, "kind": "http"}, "config.receipts.kind: must not be given. It is that of the provider"),
        ({**RECEIPTS, "provider": "x"}, "config.receipts.provider: must not be given. It is that of the provider"),
        ({**RECEIPTS, SECRET: SECRET}, "config.receipts.(unknown): is not a field of its kind"),
        (
            {**RECEIPTS, "path_secret": f"{SECRET}/"},
            "config.receipts.path_secret: must have only the characters A-Z, a-z, 0-9, - and _",
        ),
        (
            {"signing_key": "${ROLLCALL_MONGO_URL}" + KEY},
            "config.receipts.signing_key: must not refer to a variable of the environment",
        ),
    ],
)
async def test_wrong_keys_are_named_without_their_values(service: Service, receipts: Any, problem: str) -> None:
    answer = await call_api(service, "POST", WRITE_PATH, {**GATEWAY, "config": a_config(receipts)})

    assert answer.status_code == 400
    assert problem in answer.json()["message"]
    assert KEY not in answer.text
    assert SECRET not in answer.text


async def test_a_kind_without_receipts_takes_no_keys(service: Service) -> None:
    config = json.dumps({"host": "mail.example", "sender": "shop@example.org", "receipts": RECEIPTS})
    body = {"channel": "email", "provider": "smtp", "config": config}

    answer = await call_api(service, "POST", WRITE_PATH, body)

    assert answer.json()["message"] == "config.receipts: is not a field of its kind"


async def test_keys_that_no_sealing_key_opens_are_a_503(service: Service) -> None:
    data = await create(service, config=a_config())
    (stored,) = (await service.ledger.tenants.get("tnt_a")).providers
    lost = Sealer([("lost", bytes(32))]).seal(b"{}", "x")
    await service.ledger.tenants.put_providers("tnt_a", (stored._replace(sealed=lost),), 1)

    assert await status(service, data["id"]) == 503


class CountingGateway(LedgerGateway):
    """Counts the questions."""

    questions = 0

    async def query(self, operation: Any) -> Any:
        self.questions += 1
        return await super().query(operation)


async def test_the_ledger_is_asked_once_in_seconds_for_each_id_and_few_are_remembered(service: Service) -> None:
    data = await create(service, config=a_config())

    async def connect() -> Ledger:
        return service.ledger

    gateway = CountingGateway(connect)
    await gateway.start()
    sealer = Sealer([("k1", b"AAA" * 10 + b"AA")])
    sources = TenantSources(gateway, sealer, lambda: service.clock.monotonic, max_sources=1, max_unknown=2)

    first = await sources.find(data["id"])
    unknown = [f"prv_000000000000000{number}" for number in range(3)]
    for _ in range(3):
        assert await sources.find(data["id"]) is first is not None
        assert await sources.find(unknown[0]) is None
        assert await sources.find("prv_" + "u" * 16) is None
    assert gateway.questions == 2

    for each in unknown:
        await sources.find(each)
    assert gateway.questions == 4
    await sources.find(unknown[0])
    assert gateway.questions == 5
    assert await sources.find(data["id"]) is first
    assert gateway.questions == 5

    service.clock.monotonic += MAX_AGE_SECONDS
    assert await sources.find(data["id"]) is first
    assert gateway.questions == 6
    await gateway.stop()


async def test_made_up_ids_ask_the_ledger_at_a_rate_and_delay_no_provider_that_was_found_before(
    service: Service,
) -> None:
    data = await create(service, config=a_config())
    assert await status(service, data["id"]) == 200

    answers = [await status(service, f"prv_{number:016d}") for number in range(LOOK_UPS_PER_SECOND + 2)]

    assert (answers[0], answers[-1]) == (401, 503)
    service.clock.monotonic += MAX_AGE_SECONDS / 1_000
    assert await status(service, data["id"]) == 200
