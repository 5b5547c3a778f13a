"""Rate limits of the HTTP service: a caller over its rate gets 429, and other callers notice nothing."""

from typing import Any

import pytest

from producer.auth.caller_gate import BURST_FACTOR, FAILURES_PER_SECOND, HOLD_SECONDS
from tests.support.service import BULK, Service, a_service, a_token


def limited(**changes: Any) -> Service:
    """Return a service that allows two calls a second of a token, and three of a tenant, at once."""
    settings = {"http_token_calls_per_second": 2, "http_tenant_calls_per_second": 3, "http_burst_seconds": 1}
    return a_service(**{**settings, **changes})


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def statuses(service: Service, calls: int, token: str = "") -> list[int]:
    headers = bearing(token) if token else {}
    return [(await service.send(**headers)).status_code for _ in range(calls)]


async def test_a_token_over_its_rate_gets_429_with_the_time_to_wait() -> None:
    async with limited() as service:
        assert await statuses(service, 2) == [200, 200]
        answer = await service.send()
        assert answer.status_code == 429
        assert answer.json()["code"] == 429
        assert "at most 2 per second" in answer.json()["message"]
        assert answer.headers["Retry-After"] == "1"
        assert len(service.published()) == 2
        service.clock.monotonic += 1
        assert await statuses(service, 2) == [200, 200]


async def test_the_tokens_of_a_tenant_share_the_rate_of_the_tenant() -> None:
    async with limited() as service:
        tokens = [a_token(user=f"usr_{number}") for number in range(4)]
        assert [await statuses(service, 1, token) for token in tokens] == [[200], [200], [200], [429]]
        assert await statuses(service, 2, a_token(tenant="tnt_b")) == [200, 200]


async def test_a_token_over_its_rate_leaves_the_rate_of_its_tenant_to_other_tokens() -> None:
    async with limited() as service:
        assert await statuses(service, 2) == [200, 200]
        assert set(await statuses(service, 20)) == {429}
        assert await statuses(service, 1, a_token(user="usr_b")) == [200]


@pytest.mark.parametrize("extra", ["!", "=", " "])
async def test_other_spellings_of_a_signature_are_the_same_token(extra: str) -> None:
    """The decoder of the signature skips characters that are not base64."""
    async with limited() as service:
        token = a_token()
        assert await statuses(service, 2, token) == [200, 200]
        assert (await statuses(service, 1, token + extra))[0] in {401, 429}


async def test_every_route_with_a_token_counts_its_calls() -> None:
    token = a_token("communication:send", "communication:read")
    async with limited(http_token_calls_per_second=1, http_burst_seconds=1) as service:
        for method, path in (
            ("GET", "/communication/logs"),
            ("GET", "/communication/logs/log_x"),
            ("POST", "/communication/logs/search"),
            ("GET", "/communication/rate-limits"),
            ("GET", "/communication/requests"),
            ("GET", "/communication/requests/r"),
            ("POST", "/communication/requests/r/cancel"),
            ("POST", "/communication/requests/r/pause"),
            ("POST", "/communication/requests/r/resume"),
            ("DELETE", "/communication/scheduled/r"),
            ("POST", BULK),
        ):
            answers = [await service.client.request(method, path, headers=bearing(token)) for _ in range(2)]
            assert [answer.status_code == 429 for answer in answers] == [False, True], path
            service.clock.monotonic += 10


async def test_a_call_without_the_scope_counts_too() -> None:
    async with limited() as service:
        token = a_token("communication:read")
        assert await statuses(service, 3, token) == [403, 403, 429]


async def test_the_answers_to_a_loop_of_refused_calls_are_held() -> None:
    async with limited() as service:
        await statuses(service, 2)
        before = service.clock.slept
        await statuses(service, 5)
        assert service.clock.slept - before == 5 * HOLD_SECONDS


async def test_the_calls_of_a_burst_begin_at_a_multiple_of_the_rate() -> None:
    async with limited(http_token_calls_per_second=0, http_tenant_calls_per_second=10, http_burst_seconds=4) as service:
        assert set(await statuses(service, 1)) == {200}
        assert service.clock.slept == 0
        assert set(await statuses(service, 1, a_token(user="usr_b"))) == {200}
        assert service.clock.slept == pytest.approx(1 / (10 * BURST_FACTOR))
        assert set(await statuses(service, 1, a_token(tenant="tnt_b"))) == {200}
        assert service.clock.slept == pytest.approx(1 / (10 * BURST_FACTOR))


async def test_the_answers_to_many_failed_authentications_are_held() -> None:
    async with limited() as service:
        await statuses(service, FAILURES_PER_SECOND, "x")
        assert service.clock.slept == 0
        await statuses(service, 5, "x")
        assert service.clock.slept == 5 * HOLD_SECONDS


async def test_calls_without_a_valid_token_count_for_nobody() -> None:
    async with limited() as service:
        assert set(await statuses(service, 100, a_token() + "x")) == {401}
        assert await statuses(service, 2) == [200, 200]


async def test_refusals_are_counted_by_the_limit_and_by_no_caller() -> None:
    async with limited() as service:
        await statuses(service, 4)
        await statuses(service, 2, a_token(user="usr_b"))
        metrics = (await service.client.get("/metrics")).text
    assert 'rollcall_http_calls_over_rate_total{limit="token"} ' in metrics
    assert 'rollcall_http_requests_total{code="429",route="/communication/bulk"} ' in metrics
    assert "tnt_a" not in metrics


async def test_a_call_with_a_key_is_accepted_as_usual_after_a_429() -> None:
    async with limited(http_token_calls_per_second=1) as service:
        answers = []
        for _ in range(3):
            answers.append(await service.send(**{"Idempotency-Key": "order-17"}))
            service.clock.monotonic += 1
        refused = await service.send(), await service.send(**{"Idempotency-Key": "order-18"})
        service.clock.monotonic += 1
        accepted = await service.send(**{"Idempotency-Key": "order-18"})
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[0].json()["items"] == answers[2].json()["items"]
    assert (refused[1].status_code, accepted.status_code) == (429, 200)
