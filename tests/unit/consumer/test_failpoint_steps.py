"""Every step that a failpoint may name is watched for, at calls that there are."""

import re

import pytest

from consumer.failpoints.steps import FAILPOINT, STEPS
from consumer.failpoints.wrappers import STEP_TRIGGERS
from consumer.kafka.bus import Bus
from ledger.chunk_port import Chunks
from ledger.ports import Logs, Requests
from providers.provider import Provider

PARTS = {"requests": Requests, "chunks": Chunks, "logs": Logs, "bus": Bus, "provider": Provider}


@pytest.mark.parametrize("step", STEPS)
def test_a_step_is_known_by_calls_that_there_are(step: str) -> None:
    watch = STEP_TRIGGERS[step]
    assert all(hasattr(PARTS[watch.part], call) for call in watch.calls)


def test_nothing_is_watched_for_that_cannot_be_named() -> None:
    assert STEP_TRIGGERS.keys() == set(STEPS)


@pytest.mark.parametrize("wanted", ["claim", "claim:3", "expand_begin:12"])
def test_a_failpoint_is_a_step_and_for_which_time(wanted: str) -> None:
    assert re.search(FAILPOINT, wanted)


@pytest.mark.parametrize("wanted", ["claims", "claim:0", "claim:", "claim:x", ""])
def test_anything_else_is_no_failpoint(wanted: str) -> None:
    assert not re.search(FAILPOINT, wanted)
