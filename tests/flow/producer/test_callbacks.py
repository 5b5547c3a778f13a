"""Receipts of vendors over HTTP, from the call to the record."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from producer.callbacks.accept_call import MAX_BODY_BYTES
from producer.callbacks.counts import LOG_SECONDS, MAX_CODES
from producer.kafka.memory_publisher import FakeKafkaState
from providers.receipts.callback_values import MAX_RECEIPTS
from schemas.receipts import ReceiptClass, ReceiptStatus
from tests.flow.producer.callbacks import (
    DELIVERED,
    DELIVERY,
    GATEWAY,
    KEY,
    MESSAGE,
    PATH,
    SECRET,
    a_body,
    a_callback_service,
    call,
    keyed,
    metrics_of,
    published,
    signed,
)
from tests.support.service import Service, gateway_without_mongodb, some_settings

SECOND = {**GATEWAY, "signing_key": KEY[::-1]}


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with a_callback_service() as service:
        yield service


async def test_a_signed_receipt_is_answered_once_it_is_published(service: Service) -> None:
    answer = await call(service)

    assert (answer.status_code, answer.json()) == (
        200,
        {
            "code": 200,
            "data": {"provider": "gateway", "received": True},
            "message": "ok",
            "timestamp": "2026-04-15T12:00:00.001234Z",
        },
    )
    (record,) = keyed(service)
    assert record.key == DELIVERY.encode()
    assert orjson.loads(record.value) == {
        "provider": "gateway",
        "status": "delivered",
        "occurred_at": "2026-04-15T11:59:00Z",
        "delivery_id": DELIVERY,
        "code": "delivered",
        "schema_version": 1,
    }


async def test_all_receipts_of_a_call_are_published_with_all_that_they_say(service: Service) -> None:
    bounce = {
        "message_id": MESSAGE,
        "status": "failed",
        "code": "5.1.1",
        "class": "hard_bounce",
        "occurred_at": "2026-04-15T11:59:01+02:00",
        "recipient": "Anna@Example.org",
    }

    await call(service, a_body(DELIVERED, bounce))

    _, receipt = published(service)
    assert [record.key for record in keyed(service)] == [DELIVERY.encode(), MESSAGE.encode()]
    assert receipt.provider_message_id == MESSAGE
    assert (receipt.status, receipt.code, receipt.receipt_class) == (
        ReceiptStatus.FAILED,
        "5.1.1",
        ReceiptClass.HARD_BOUNCE,
    )
    assert b"nna" not in keyed(service)[1].value


async def test_a_recipient_is_published_as_its_hashes_and_nothing_else(service: Service) -> None:
    for written in ("13800138000", "+8613800138000"):
        await call(service, a_body({**DELIVERED, "recipient": written}))

    first, second = published(service)
    assert first.recipient_hashes == second.recipient_hashes != ()
    assert not [record for record in keyed(service) if b"13800138000" in record.value]


async def test_an_id_of_another_shape_is_left_out_and_a_receipt_without_any_is_counted(service: Service) -> None:
    foreign = {"delivery_id": "order-17", "status": "delivered"}

    answer = await call(
        service, a_body({**foreign, "message_id": MESSAGE}, foreign, {**foreign, "delivery_id": "log_x"})
    )

    assert answer.status_code == 200
    (receipt,) = published(service)
    assert (receipt.delivery_id, receipt.provider_message_id) == (None, MESSAGE)
    assert 'rollcall_callback_receipts_dropped_total{kind="http"} 2.0' in await metrics_of(service)


async def test_an_unknown_status_is_published_and_its_code_is_counted(service: Service) -> None:
    answer = await call(service, a_body({**DELIVERED, "status": "quantum"}))

    assert answer.status_code == 200
    assert published(service)[0].status is ReceiptStatus.UNRECOGNISED
    lines = await metrics_of(service)
    assert 'rollcall_callback_receipts_unrecognised_total{code="quantum",kind="http"} 1.0' in lines
    assert (
        'rollcall_callback_receipts_total{provider="gateway",receipt_class="none",status="unrecognised"} 1.0' in lines
    )


async def test_the_codes_in_the_metric_are_bounded(service: Service) -> None:
    for start in (0, MAX_CODES):
        receipts = [{**DELIVERED, "status": f"code-{start + number}"} for number in range(MAX_CODES)]
        await call(service, a_body(*receipts))

    lines = [line for line in await metrics_of(service) if line.startswith("rollcall_callback_receipts_unrecognised")]
    assert len(lines) == MAX_CODES + 1
    assert f'rollcall_callback_receipts_unrecognised_total{{code="other",kind="http"}} {MAX_CODES}.0' in lines


async def refusal(service: Service, body: bytes, path: str, headers: dict[str, str]) -> dict[str, Any]:
    """Return all of an answer except for the id of the request."""
    answer = await call(service, body, path, headers)
    return {
        "status": answer.status_code,
        "content": answer.content,
        "headers": {name: value for name, value in answer.headers.items() if name != "x-request-id"},
    }


BODY = a_body()
UNSIGNED = {
    "without a signature": (BODY, "gateway", {}),
    "with another key": (BODY, "gateway", signed(BODY, KEY[::-1])),
    "with a changed body": (BODY + b" ", "gateway", signed(BODY)),
    "too old": (BODY, "gateway", signed(BODY, age_seconds=301)),
    "of an unknown provider": (BODY, "nobody", signed(BODY)),
    "of an unknown own provider": (BODY, "prv_0123456789abcdef", signed(BODY)),
    "with a secret that the entry does not have": (BODY, f"gateway/{SECRET}", signed(BODY)),
    "without the secret of the entry": (BODY, "secret", signed(BODY)),
    "with another secret": (BODY, f"secret/{SECRET[::-1]}", signed(BODY)),
    "with the beginning of the secret": (BODY, f"secret/{SECRET[:-1]}", signed(BODY)),
    "with strange letters": (BODY, "%ff%F0%9F/%ff%00", signed(BODY)),
    "of a long name": (BODY, "x" * 10_000, signed(BODY)),
    "that is empty": (b"", "gateway", {}),
    "with a strange signature": (BODY, "gateway", {"X-Rollcall-Signature": "t=99999999999,v1=" + "0" * 64}),
}


async def test_each_unsigned_call_gets_the_same_bytes_and_changes_nothing() -> None:
    async with a_callback_service(GATEWAY, {**GATEWAY, "provider": "secret", "path_secret": SECRET}) as service:
        answers = {name: await refusal(service, *given) for name, given in UNSIGNED.items()}

        first = answers["without a signature"]
        assert first["status"] == 401
        assert first["headers"]["www-authenticate"] == 'Signature realm="rollcall"'
        assert {name: answer for name, answer in answers.items() if answer != first} == {}
        assert service.publisher.records == []
        lines = await metrics_of(service)
        assert 'rollcall_callbacks_refused_total{kind="unknown",reason="unsigned"} 4.0' in lines
        assert f'rollcall_callbacks_refused_total{{kind="http",reason="unsigned"}} {len(UNSIGNED) - 4}.0' in lines
        assert (await call(service, BODY, f"secret/{SECRET}")).status_code == 200


async def test_refused_calls_of_a_provider_are_logged_seldom(service: Service) -> None:
    with capture_logs() as lines:
        for seconds in (0, LOG_SECONDS - 1, 1):
            service.clock.monotonic += seconds
            await call(service, BODY + b" ", headers=signed(BODY))
            await call(service, path="nobody")

    refused = [line for line in lines if line["event"] == "callback refused"]
    assert len(refused) == 2
    assert refused[0] == {
        "event": "callback refused",
        "provider": "gateway",
        "kind": "http",
        "reason": "unsigned",
        "error": "X-Rollcall-Signature is wrong",
        "log_level": "warning",
    }


async def test_two_entries_of_a_provider_let_the_old_and_the_new_key_count() -> None:
    async with a_callback_service(GATEWAY, SECOND) as service:
        for key, status in ((KEY, 200), (KEY[::-1], 200), (KEY.upper(), 401)):
            assert (await call(service, BODY, headers=signed(BODY, key))).status_code == status


async def test_a_signed_body_of_another_form_is_a_400_without_a_value(service: Service) -> None:
    for body in (b"", b"[]", b"{", b"\xff", b'{"receipts": 7}', b'{"receipts": [{"13800138000": 1}]}', b"[" * 5_000):
        answer = await call(service, body)
        assert (answer.status_code, answer.json()["message"]) == (
            400,
            "the body does not have the form of the provider's calls",
        )

    assert service.publisher.records == []
    assert 'rollcall_callbacks_refused_total{kind="http",reason="unreadable"} 7.0' in await metrics_of(service)


async def test_a_call_that_is_too_large_is_a_413_or_400_and_one_at_the_limit_is_taken(service: Service) -> None:
    many = [DELIVERED] * (MAX_RECEIPTS + 1)
    padding = b" " * (MAX_BODY_BYTES - len(a_body(*many[1:])))

    assert (await call(service, a_body(*many))).status_code == 400
    assert (await call(service, b" " * (MAX_BODY_BYTES + 1))).status_code == 413
    assert service.publisher.records == []
    assert (await call(service, a_body(*many[1:]) + padding)).status_code == 200
    assert len(service.publisher.records) == MAX_RECEIPTS


async def test_a_body_may_have_any_type_and_keeps_its_first_bytes(service: Service) -> None:
    with_mark = b"\xef\xbb\xbf" + BODY
    for content_type in ("text/plain; charset=UTF-8", "application/x-www-form-urlencoded", ""):
        assert (await call(service, BODY, headers={**signed(BODY), "Content-Type": content_type})).status_code == 200
    answer = await call(service, with_mark, headers=signed(with_mark))
    compressed = await call(service, BODY, headers={**signed(BODY), "Content-Encoding": "gzip"})

    assert (answer.status_code, compressed.status_code) == (400, 415)


@pytest.mark.parametrize("state", [FakeKafkaState.UNAVAILABLE, FakeKafkaState.SILENT])
async def test_receipts_that_kafka_does_not_acknowledge_are_a_503(service: Service, state: FakeKafkaState) -> None:
    service.publisher.state = state
    answer = await call(service)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json()["message"] == "Kafka did not acknowledge the receipts in time. Send them again."
    assert not [line for line in await metrics_of(service) if line.startswith("rollcall_callback_receipts_total")]


async def test_a_missing_topic_is_a_503_without_waiting_for_it(service: Service) -> None:
    service.publisher.missing_topics = {"communication.receipts"}
    assert (await call(service)).status_code == 503
    assert service.publisher.records == []


async def test_a_call_needs_no_mongodb_and_no_token() -> None:
    async with a_callback_service(gateway=gateway_without_mongodb()) as service:
        assert (await call(service)).status_code == 200
        assert (await call(service, path="prv_0123456789abcdef")).status_code == 503
        assert 'rollcall_callbacks_refused_total{kind="unknown",reason="unavailable"} 1.0' in await metrics_of(service)


async def test_a_query_is_allowed_and_other_methods_are_not(service: Service) -> None:
    assert (await call(service, path="gateway?delivery_id=log_1&x=1&x=2")).status_code == 200
    for path in ("gateway", f"gateway/{SECRET}"):
        answer = await service.client.get(PATH + path)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
        assert SECRET not in str(answer.headers) + answer.text
    for path in ("", "/", f"gateway/{SECRET}/more", f"gateway/{SECRET}/"):
        answer = await service.client.post(PATH + path)
        assert answer.status_code == 404
        assert SECRET not in str(answer.headers) + answer.text


def test_the_settings_of_the_service_show_no_key() -> None:
    shown = repr(some_settings(receipts=[{**GATEWAY, "path_secret": SECRET}]))
    assert KEY not in shown
    assert SECRET not in shown
