"""Sealing: the count that tells when a key must be rotated."""

from prometheus_client import generate_latest

from consumer.monitoring.metrics import Metrics
from ledger.sealing import Sealer


def test_a_metric_counts_the_seals_of_each_key() -> None:
    metrics, sealer = Metrics(), Sealer([("new", bytes(32)), ("old", bytes(range(32)))])
    metrics.count_seals(sealer)
    for _ in range(3):
        sealed = sealer.seal(b"text", "name")
    sealer.open(sealed, "name")
    sealer.hash(b"text", "old")

    assert 'rollcall_seals_total{key="new"} 3.0' in generate_latest(metrics.registry).decode()
