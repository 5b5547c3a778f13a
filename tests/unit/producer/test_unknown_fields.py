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
MANY = {f"{number:05x}": 1 for number in range(50_000)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (MANY, "00000: is not a field of this body"),
        ({"variables": MANY}, "variables.00000: "),
        ({"recipients": [{"to": "1", **MANY}]}, "recipients[0].00000: is not a field of this body"),
        ({"recipients": ["1"] * 20_000 + [{"to": "1", **MANY}]}, "recipients[20000].00000: is not a field"),
        ({"recipients": [{"to": "1", "variables": MANY}]}, "recipients[0].variables.00000: "),
        ({"recipients": [1] * 100_000}, "recipients[0]: is neither"),
    ],
)
def test_a_very_frequent_problem_is_reported_once(changes: dict[str, object], message: str) -> None:
    raw = bytearray(orjson.dumps({**GOOD, **changes}))
    tracemalloc.start()
    try:
        with pytest.raises(ApiError) as refused:
            asyncio.run(RequestPreparer(some_settings()).prepare(raw, CONTEXT, slice(0, 20)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert str(refused.value).startswith(message)
    assert len(str(refused.value)) < 200
    assert peak < 20 * len(raw)
