"""`/metrics` on an address of its own, or beside the API."""

import aiohttp
import pytest

from producer.http.metrics_server import serve_metrics
from producer.metrics import Metrics
from tests.support.service import a_service


async def test_without_a_port_of_their_own_the_metrics_stay_beside_the_api() -> None:
    async with a_service() as service:
        assert "rollcall_http_requests" in (await service.client.get("/metrics")).text
    async with serve_metrics("127.0.0.1", None, Metrics()) as address:
        assert address is None


async def test_with_a_port_of_their_own_the_api_does_not_answer_for_the_metrics() -> None:
    async with a_service(metrics_port=9464) as service:
        assert (await service.client.get("/metrics")).status_code == 404
        assert "/metrics" not in (await service.client.get("/openapi.json")).json()["paths"]
        assert (await service.client.get("/healthz")).status_code == 200


async def test_the_metrics_are_served_alone_on_their_port() -> None:
    metrics = Metrics()
    metrics.recipients.labels("sms", "express").inc()
    async with serve_metrics("127.0.0.1", 0, metrics) as address, aiohttp.ClientSession() as session:
        assert address is not None
        url = f"http://{address[0]}:{address[1]}"
        async with session.get(f"{url}/metrics") as page:
            assert 'rollcall_recipients_accepted_total{channel="sms",lane="express"} 1.0' in await page.text()
        async with session.get(f"{url}/communication/logs") as other:
            assert other.status == 404


async def test_a_port_in_use_is_an_error() -> None:
    async with serve_metrics("127.0.0.1", 0, Metrics()) as address:
        assert address is not None
        with pytest.raises(OSError, match="in use"):
            async with serve_metrics(*address, Metrics()):
                pass
