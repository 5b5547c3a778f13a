"""Settings of the HTTP service and the errors about them."""

from typing import Any

import pytest

from config.settings import SettingsError, load
from producer.settings import ProducerSettings
from tests.support.service import SECRET

GOOD = {"KAFKA_BOOTSTRAP": "localhost:9092", "JWT_SECRET": SECRET}
LEDGER = {"MONGO_URL": "mongodb://localhost:27017", "SEALING_KEYS": "k1:" + "QUFB" * 10 + "QUE="}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in LEDGER.items():
        monkeypatch.setenv(f"ROLLCALL_{name}", value)

    def set_all(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"ROLLCALL_{name}", value)

    return set_all


def test_kafka_the_ledger_and_one_key_are_enough(environment: Any) -> None:
    environment(**GOOD)
    settings = load(ProducerSettings)
    assert (settings.http_host, settings.http_port) == ("127.0.0.1", 8080)
    assert (settings.max_recipients, settings.max_body_bytes, settings.chunk_size) == (100_000, 16 * 1024 * 1024, 500)
    assert settings.token_algorithms() == ("HS256",)


def test_an_empty_variable_counts_as_unset(environment: Any) -> None:
    environment(**GOOD, JWT_PUBLIC_KEY="", JWT_JWKS_URL="", JWT_ALGORITHMS="", HTTP_PORT="")
    assert load(ProducerSettings).http_port == 8080


def test_the_secret_is_not_shown(environment: Any) -> None:
    environment(**GOOD)
    assert SECRET not in repr(load(ProducerSettings))


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"JWT_SECRET": SECRET}, ["ROLLCALL_KAFKA_BOOTSTRAP"]),
        ({"KAFKA_BOOTSTRAP": "k:1"}, ["ROLLCALL_JWT_SECRET", "ROLLCALL_JWT_PUBLIC_KEY", "ROLLCALL_JWT_JWKS_URL"]),
        ({**GOOD, "JWT_JWKS_URL": "http://x"}, ["ROLLCALL_JWT_SECRET", "ROLLCALL_JWT_JWKS_URL"]),
        ({**GOOD, "JWT_SECRET": "tiny"}, ["ROLLCALL_JWT_SECRET"]),
        ({**GOOD, "JWT_ALGORITHMS": "RS256"}, ["ROLLCALL_JWT_ALGORITHMS"]),
        ({**GOOD, "JWT_ALGORITHMS": "HS256,none"}, ["ROLLCALL_JWT_ALGORITHMS"]),
        ({"KAFKA_BOOTSTRAP": "k:1", "JWT_PUBLIC_KEY": "no key"}, ["ROLLCALL_JWT_PUBLIC_KEY"]),
        (
            {"KAFKA_BOOTSTRAP": "k:1", "JWT_JWKS_URL": "http://x", "JWT_ALGORITHMS": "HS256"},
            ["ROLLCALL_JWT_ALGORITHMS"],
        ),
        ({"KAFKA_BOOTSTRAP": "k:1", "JWT_JWKS_URL": "file:///etc/passwd"}, ["ROLLCALL_JWT_JWKS_URL"]),
        ({**GOOD, "HTTP_PORT": "70000"}, ["ROLLCALL_HTTP_PORT"]),
        ({**GOOD, "CHUNK_SIZE": "1001", "MAX_RECIPIENTS": "0"}, ["ROLLCALL_CHUNK_SIZE", "ROLLCALL_MAX_RECIPIENTS"]),
    ],
)
def test_a_wrong_setting_is_named_by_its_variable(environment: Any, values: dict[str, str], named: list[str]) -> None:
    environment(**values)
    with pytest.raises(SettingsError) as caught:
        load(ProducerSettings)
    for name in named:
        assert name in str(caught.value)
    assert values.get("JWT_SECRET", "-unset-") not in str(caught.value)


def test_a_wrong_key_is_not_reported_as_missing(environment: Any) -> None:
    environment(KAFKA_BOOTSTRAP="localhost:9092", JWT_SECRET="tiny", HTTP_PORT="x")
    with pytest.raises(SettingsError) as caught:
        load(ProducerSettings)
    assert {line.partition(":")[0] for line in str(caught.value).splitlines()} == {
        "ROLLCALL_JWT_SECRET",
        "ROLLCALL_HTTP_PORT",
    }


def test_several_algorithms_of_one_family_may_be_accepted(environment: Any) -> None:
    environment(**GOOD, JWT_ALGORITHMS="HS256, HS384")
    assert load(ProducerSettings).token_algorithms() == ("HS256", "HS384")
