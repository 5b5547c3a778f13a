"""A few rows of the harness, small and with a new seed each time; `make torture` runs all of them, and larger."""

import secrets
from pathlib import Path

import pytest

from devstack import Stack
from tests.torture.row_registry import Row
from tests.torture.rows.consumers import killed_at_random, zombies
from tests.torture.rows.fuzzed_intake import fuzzed_intake
from tests.torture.rows.hostile import hostile_tenant
from tests.torture.rows.intake import published_again
from tests.torture.run import TINY, Torture

pytestmark = [pytest.mark.durable, pytest.mark.timeout(150)]


ROWS = [killed_at_random, zombies, published_again, hostile_tenant, fuzzed_intake]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.fault)
async def test_what_must_hold_under_a_fault_holds(stack: Stack, tmp_path: Path, row: Row) -> None:
    found = await Torture(secrets.token_hex(4), TINY, stack, tmp_path).run(row, 1)
    assert found.broken is None, f"seed {found.seed}: {found.broken}"
