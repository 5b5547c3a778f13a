"""Rows of the harness about what the services stand on; `make torture` runs them all, and larger."""

import secrets
from pathlib import Path

import pytest

from devstack import Stack
from tests.support.skipping import not_run
from tests.torture.clock import why_no_shift
from tests.torture.rows.brokers import brokers_lost
from tests.torture.rows.clock import wrong_clocks
from tests.torture.run import TINY, Torture

pytestmark = [pytest.mark.durable, pytest.mark.timeout(120)]


async def test_clocks_that_are_an_hour_wrong_change_nothing(stack: Stack, tmp_path: Path) -> None:
    if lack := why_no_shift():
        not_run(lack)
    found = await Torture(secrets.token_hex(4), TINY, stack, tmp_path).run(wrong_clocks, 1)
    assert found.broken is None, f"seed {found.seed}: {found.broken}"


async def test_three_brokers_lose_nothing_when_one_or_two_of_them_are_lost(stack: Stack, tmp_path: Path) -> None:
    found = await Torture(secrets.token_hex(4), TINY, stack, tmp_path).run(brokers_lost, 1)
    assert found.broken is None, f"seed {found.seed}: {found.broken}"
