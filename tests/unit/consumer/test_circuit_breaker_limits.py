"""Limits of the intake circuit breaker."""

from typing import Any

import pytest

from consumer.flow_control.circuit_breaker import CircuitBreakerLimits, CircuitOpen, IntakeCircuitBreaker

TOPIC = "communication.bulk.requests"


def a_breaker(*, run: int = 1_000, share: float = 1.0, sample: int = 10) -> IntakeCircuitBreaker:
    return IntakeCircuitBreaker(CircuitBreakerLimits(run, share, sample))


def passed(breaker: IntakeCircuitBreaker, records: str, topic: str = TOPIC) -> int:
    """Return how many records pass before the circuit breaker opens.

    An x is garbage without a tenant, another letter is garbage of that tenant, and a dot is a good record.
    """
    for number, record in enumerate(records):
        if record != ".":
            try:
                breaker.record_garbage(topic, str(number), None if record == "x" else record)
            except CircuitOpen:
                return number
        breaker.record_done(topic, str(number))
    return len(records)


def test_a_run_of_unusable_records_passes_up_to_its_limit() -> None:
    breaker = a_breaker(run=3)
    assert passed(breaker, "xxx.xxx.xxxx") == 11
    assert passed(breaker, "x") == 0


def test_a_good_record_ends_a_run() -> None:
    assert passed(a_breaker(run=3), "xxx." * 20) == 80


def test_the_share_applies_to_full_samples_only() -> None:
    assert passed(a_breaker(share=0.5, sample=10), "x" * 10 + "x") == 10
    assert passed(a_breaker(share=0.5, sample=10), "x." * 100) == 200
    assert passed(a_breaker(share=0.5, sample=10), "x." * 100 + "xx") == 201


def test_a_small_share_of_unusable_records_passes() -> None:
    assert passed(a_breaker(run=3, share=0.1, sample=100), ("x" + "." * 19) * 100) == 2_000


def test_old_unusable_records_are_forgotten() -> None:
    assert passed(a_breaker(share=0.5, sample=10), "x" * 10 + "." * 10 + "x" * 5) == 25


def test_each_topic_has_its_own_count() -> None:
    breaker = a_breaker(run=2)
    assert passed(breaker, "xxx") == 2
    assert passed(breaker, "xx", "communication.bulk.requests.express") == 2


def test_a_record_that_fails_again_counts_once() -> None:
    breaker = a_breaker(run=2)
    for _ in range(5):
        breaker.record_garbage(TOPIC, "here")
    breaker.record_done(TOPIC, "here")
    assert passed(breaker, "xx") == 1


@pytest.mark.parametrize("limits", [{"run": 3}, {"share": 0.3, "sample": 10}])
def test_concurrent_records_have_the_same_limits_as_consecutive_ones(limits: dict[str, Any]) -> None:
    breaker = a_breaker(**limits)
    assert passed(breaker, "." * 10) == 10
    for number in range(3):
        breaker.record_garbage(TOPIC, f"at once {number}")
    with pytest.raises(CircuitOpen):
        breaker.record_garbage(TOPIC, "one too many")


def test_without_limits_every_record_passes() -> None:
    assert passed(IntakeCircuitBreaker(None), "x" * 1_000) == 1_000


def test_the_error_names_the_limit() -> None:
    breaker = a_breaker(run=1)
    passed(breaker, "x")
    with pytest.raises(CircuitOpen, match="more than 1 records in a row"):
        breaker.record_garbage(TOPIC, "here")


def test_the_garbage_of_one_tenant_never_opens_the_breaker() -> None:
    assert passed(a_breaker(run=100, share=0.5, sample=500), "a" * 2_000) == 2_000


def test_the_garbage_of_a_tenant_does_not_use_up_the_limit_of_the_others() -> None:
    breaker = a_breaker(run=100, share=0.5, sample=500)
    assert passed(breaker, "a" * 1_000) == 1_000
    assert passed(breaker, "x" * 200) == 90, "the tenant filled a tenth of the limit"


def test_garbage_of_many_tenants_opens_the_breaker() -> None:
    """A hostile producer may name any tenant, and a consumer that is wrong refuses the records of all."""
    assert passed(a_breaker(run=100), "abcdefghijkl" * 100) == 100
    assert passed(a_breaker(run=100), "".join(chr(0x4E00 + number) for number in range(1_000))) == 100
    assert passed(a_breaker(run=100), "abcdefghi" * 100) == 900, "nine tenants are not enough"


def test_the_breaker_remembers_no_more_tenants_than_its_sample_has_records() -> None:
    breaker = a_breaker(run=1_000_000, share=1.0, sample=50)
    for number in range(10_000):
        breaker.record_garbage(TOPIC, str(number), f"tenant {number}")
        breaker.record_done(TOPIC, str(number))
        breaker.record_done(TOPIC, f"good {number}")
    counts = breaker._topics[TOPIC]
    assert len(counts._sample._by_tenant) + len(counts._run._by_tenant) <= 51
    assert not counts.in_progress


def test_the_share_of_a_tenant_leaves_the_sample_with_its_records() -> None:
    breaker = a_breaker(share=0.5, sample=20)
    assert passed(breaker, "a" * 100) == 100
    assert passed(breaker, "." * 20 + "x" * 12) == 30, "a full share is free again"
