"""Clock, setup and ping of the ledger."""

from datetime import UTC, datetime, timedelta

from ledger.ports import Ledger
from tests.contract.ledger.conftest import Wait


async def test_the_clock_gives_utc_in_whole_milliseconds(ledger: Ledger) -> None:
    times = [ledger.now() for _ in range(50)]

    assert all(now.utcoffset() == timedelta() for now in times)
    assert all(now.microsecond % 1000 == 0 for now in times)
    assert times == sorted(times)


async def test_the_clock_goes_on(ledger: Ledger, wait: Wait) -> None:
    before = ledger.now()
    await wait(0.05)

    assert timedelta(milliseconds=50) <= ledger.now() - before < timedelta(seconds=5)
    assert ledger.now() > datetime(2026, 1, 1, tzinfo=UTC)


async def test_setting_up_again_creates_nothing_and_the_check_is_content(ledger: Ledger) -> None:
    assert await ledger.setup() == []
    await ledger.check()
    await ledger.ping()
