"""What every service reads from the environment is checked before anything starts."""

import pytest

from schemas.settings import CommonSettings, LedgerSettings, SettingsError, load


@pytest.fixture(autouse=True)
def _kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_KAFKA_BOOTSTRAP", "localhost:9")


def test_a_region_that_has_no_telephone_numbers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_DEFAULT_REGION", "ZZ")
    with pytest.raises(SettingsError, match=r"^ROLLCALL_DEFAULT_REGION: is no ISO country with telephone numbers"):
        load(CommonSettings)


@pytest.mark.parametrize("region", ["CN", "US", "DE"])
def test_a_country_is_taken_as_the_region(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_DEFAULT_REGION", region)
    assert load(CommonSettings).default_region == region


def test_a_login_without_a_password_is_refused_in_the_names_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("ROLLCALL_KAFKA_SASL_MECHANISM", "PLAIN")
    monkeypatch.setenv("ROLLCALL_KAFKA_SASL_USERNAME", "rollcall")
    with pytest.raises(SettingsError, match="ROLLCALL_KAFKA_SASL_PASSWORD are needed with SASL"):
        load(CommonSettings)


def test_an_entry_left_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_MONGO_URL", "mongodb://localhost:9")
    monkeypatch.setenv("ROLLCALL_SEALING_KEYS", "")
    with pytest.raises(SettingsError, match=r"^ROLLCALL_SEALING_KEYS: is not set$"):
        load(LedgerSettings)
