"""Options of the clients that read for a consumer. A frozen broker shows their effect (torture row 29)."""

from types import SimpleNamespace
from typing import Any

from consumer.settings import ConsumerSettings
from consumer.subscribers import build_faststream


def _build(**settings: Any) -> Any:
    given = ConsumerSettings(
        mongo_url="mongodb://localhost:9",
        sealing_keys="k1:" + "QUFB" * 10 + "QUE=",  # type: ignore[arg-type]
        providers=[{"name": "sim", "kind": "simulator", "channel": "sms"}],
        **settings,
    )
    fakes: Any = SimpleNamespace(enqueue=print, watch=lambda *_: None)
    _, broker = build_faststream(given, fakes, {}, fakes, fakes)
    return broker


def test_a_broker_that_is_frozen_is_given_up_and_its_successor_found_within_seconds() -> None:
    options = _build(kafka_bootstrap="a:9092")._connection_kwargs
    assert options["request_timeout_ms"] == 10_000
    assert options["metadata_max_age_ms"] == 10_000


def test_a_consumer_starts_with_any_of_the_bootstrap_servers() -> None:
    assert _build(kafka_bootstrap="a:9092, b:9092")._connection_kwargs["bootstrap_servers"] == ["a:9092", "b:9092"]
