"""Every step that a failpoint may name is watched at existing calls."""

import re

import pytest

from consumer.failpoints.steps import FAILPOINT, STEPS
from consumer.failpoints.wrappers import STEP_TRIGGERS
from consumer.kafka.bus import Bus
from ledger.chunk_port import Chunks
from ledger.ports import Logs
from ledger.receipt_port import KeptReceipts
from ledger.request_port import Requests
from providers.provider import Provider

PARTS = {
    "requests": Requests,
    "chunks": Chunks,
    "logs": Logs,
    "receipts": KeptReceipts,
    "bus": Bus,
    "provider": Provider,
}


@pytest.mark.parametrize("step", STEPS)
def test_a_step_watches_existing_calls(step: str) -> None:
    trigger = STEP_TRIGGERS[step]
    assert all(hasattr(PARTS[trigger.part], call) for call in trigger.calls)


def test_the_watched_steps_are_the_valid_names() -> None:
    assert STEP_TRIGGERS.keys() == set(STEPS)


@pytest.mark.parametrize("value", ["claim", "claim:3", "expand_begin:12"])
def test_a_failpoint_is_a_step_with_an_optional_count(value: str) -> None:
    assert re.search(FAILPOINT, value)


@pytest.mark.parametrize("value", ["claims", "claim:0", "claim:", "claim:x", ""])
def test_other_values_are_not_failpoints(value: str) -> None:
    assert not re.search(FAILPOINT, value)
