"""Traces of reads in logs and metrics, and responses while MongoDB is unavailable."""

import pytest

from ledger.errors import LedgerUnavailable
from ledger.memory import MemoryLedger
from tests.flow.sample_requests import READ, Library, a_log_id
from tests.support.polling import wait_until
from tests.support.service import NOON, a_service, a_token

PATHS = [
    "/communication/rate-limits",
    "/communication/logs",
    "/communication/logs/x",
    "/communication/requests",
    "/communication/requests/x",
]


async def test_logs_and_metrics_do_not_show_the_data_that_was_read(capsys: pytest.CaptureFixture[str]) -> None:
    library = Library()
    async with library.service:
        await library.sent("req-secret", [{"to": "13800138000", "reference": "ref-secret"}])
        capsys.readouterr()

        await library.get("/communication/logs?reference=ref-secret&request_id=req-secret")
        await library.get(f"/communication/logs/{a_log_id('req-secret')}")
        await library.get("/communication/requests/req-secret")
        await library.search({"recipient": "13800138000"})
        await library.get("/communication/logs?recipient=13800138000", status=400)

        written = capsys.readouterr().out
        counted = (await library.service.client.get("/metrics")).text
    for text in (written, counted):
        assert "/communication/logs/{log_id}" in text
        assert "/communication/requests/{request_id}" in text
        for secret in ("13800138000", "138****8000", "req-secret", "ref-secret", a_log_id("req-secret")):
            assert secret not in text


class Away(MemoryLedger):
    """A ledger that does not answer."""

    async def ping(self) -> None:
        raise LedgerUnavailable("it does not answer")


@pytest.mark.parametrize("path", PATHS)
async def test_without_mongodb_reading_is_refused_at_once(path: str) -> None:
    async with a_service(Away(lambda: NOON)) as service:
        await wait_until(lambda: service.gateway.problem() != "not connected yet", seconds=5)

        answer = await service.get(path, a_token(READ))

    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert answer.json()["message"].startswith("MongoDB is not available")
