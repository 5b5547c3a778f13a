"""A problem that occurs a million times is reported once, in time and without filling the memory."""

import asyncio
import tracemalloc

import orjson
import pytest

from producer.auth.token_verifier import ADMIN, Principal
from producer.bulk.prepare_request import RequestPreparer
from producer.errors import ApiError
from tests.support.service import GOOD, a_context, some_settings

CONTEXT = a_context(Principal("tnt_a", "usr_a", frozenset({ADMIN})))
MANY = {f"{number:05x}": 1 for number in range(30_000)}
GOOD_MANY = bytearray(orjson.dumps({**GOOD, "variables": dict.fromkeys(MANY, "1")}))


def prepare(raw: bytearray) -> None:
    asyncio.run(RequestPreparer(some_settings()).prepare(raw, CONTEXT, slice(0, 20)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (MANY, "(unknown): is not a field of this body"),
        ({"variables": MANY}, "variables.(unknown): "),
        ({"recipients": [{"to": "1", **MANY}]}, "recipients[0].(unknown): is not a field of this body"),
        ({"recipients": ["1"] * 20_000 + [{"to": "1", **MANY}]}, "recipients[20000].(unknown): is not a field"),
        ({"recipients": [{"to": "1", "variables": MANY}]}, "recipients[0].variables.(unknown): "),
        ({"recipients": [1] * 100_000}, "recipients[0]: is neither"),
    ],
)
def test_a_very_frequent_problem_is_reported_once_and_takes_no_more_memory_than_good_values(
    changes: dict[str, object], message: str
) -> None:
    raw = bytearray(orjson.dumps({**GOOD, **changes}))
    tracemalloc.start()
    try:
        with pytest.raises(ApiError) as refused:
            prepare(raw)
        peak = tracemalloc.get_traced_memory()[1] / len(raw)
        tracemalloc.reset_peak()
        prepare(GOOD_MANY)
        peak_of_good = tracemalloc.get_traced_memory()[1] / len(GOOD_MANY)
    finally:
        tracemalloc.stop()
    assert str(refused.value).startswith(message)
    assert len(str(refused.value)) < 200
    assert peak < 2 * peak_of_good
