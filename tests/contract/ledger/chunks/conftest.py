"""Each test of this folder runs twice: with chunks of their own, and with chunks in the documents of small requests."""

import pytest

from ledger.ports import Ledger
from tests.contract.ledger.chunks.small_requests import LedgerOfSmallRequests
from tests.contract.ledger.conftest import TimedLedger


@pytest.fixture(params=["own", "in_request"])
def ledger(request: pytest.FixtureRequest, timed_ledger: TimedLedger) -> Ledger:
    ledger = timed_ledger.ledger
    return LedgerOfSmallRequests(ledger) if request.param == "in_request" else ledger
