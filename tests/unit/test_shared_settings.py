"""Checks of the shared settings before a service starts."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from config.settings import CommonSettings, LedgerSettings, SettingsError, load
from config.tenant_bounds import TenantBoundSettings


@pytest.fixture(autouse=True)
def _kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_KAFKA_BOOTSTRAP", "localhost:9")


def test_a_region_that_has_no_telephone_numbers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_DEFAULT_REGION", "ZZ")
    with pytest.raises(SettingsError, match=r"^ROLLCALL_DEFAULT_REGION: must be the ISO 3166-1 code of a country"):
        load(CommonSettings)


@pytest.mark.parametrize("region", ["CN", "US", "de"])
def test_a_country_is_taken_as_the_region(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_DEFAULT_REGION", region)
    assert load(CommonSettings).default_region == region.upper()


def test_a_login_without_a_password_is_refused_in_the_names_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("ROLLCALL_KAFKA_SASL_MECHANISM", "PLAIN")
    monkeypatch.setenv("ROLLCALL_KAFKA_SASL_USERNAME", "rollcall")
    with pytest.raises(SettingsError, match=r"^ROLLCALL_KAFKA_SASL_PASSWORD: is required with SASL_SSL$"):
        load(CommonSettings)


def test_contradictions_are_named_with_missing_and_invalid_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROLLCALL_KAFKA_BOOTSTRAP")
    monkeypatch.setenv("ROLLCALL_DEFAULT_REGION", "ZZ")
    monkeypatch.setenv("ROLLCALL_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("ROLLCALL_KAFKA_SASL_MECHANISM", "MAGIC")
    with pytest.raises(SettingsError) as caught:
        load(CommonSettings)
    names = [line.partition(":")[0] for line in str(caught.value).splitlines()]
    # A mechanism that is wrong is not called missing.
    assert sorted(names) == [
        "ROLLCALL_DEFAULT_REGION",
        "ROLLCALL_KAFKA_BOOTSTRAP",
        "ROLLCALL_KAFKA_SASL_MECHANISM",
    ]


@pytest.mark.parametrize("servers", ["a:b", "a:0", "a:70000", "kafka://a:9092", "a:9092,,b:9092", "a b:9092", "a/b"])
def test_invalid_servers_are_refused(servers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_KAFKA_BOOTSTRAP", servers)
    with pytest.raises(
        SettingsError, match=r"^ROLLCALL_KAFKA_BOOTSTRAP: must be a list of host:port, comma-separated$"
    ):
        load(CommonSettings)


@pytest.mark.parametrize("servers", ["a:9092", "a", "a:9092,b:9092", "a:9092, b:9092", "10.0.0.1:1", "[::1]:9092"])
def test_servers_are_taken_as_they_are(servers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_KAFKA_BOOTSTRAP", servers)
    assert load(CommonSettings).kafka_bootstrap == servers


def test_each_server_is_given_to_the_client_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_KAFKA_BOOTSTRAP", "a:9092, b:9092,[::1]:9092")
    assert load(CommonSettings).kafka_options()["bootstrap_servers"] == ["a:9092", "b:9092", "[::1]:9092"]


def test_an_authority_file_is_read_at_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ROLLCALL_KAFKA_SSL_CA_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(SettingsError, match=r"^ROLLCALL_KAFKA_SSL_CA_FILE: the file cannot be read: No such file"):
        load(CommonSettings)
    (tmp_path / "none.pem").write_text("no certificate")
    with pytest.raises(SettingsError, match=r"^ROLLCALL_KAFKA_SSL_CA_FILE: the file must contain certificates in PEM$"):
        load(CommonSettings)


def test_an_entry_left_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_MONGO_URL", "mongodb://localhost:9")
    monkeypatch.setenv("ROLLCALL_SEALING_KEYS", "")
    with pytest.raises(SettingsError, match=r"^ROLLCALL_SEALING_KEYS: is not set$"):
        load(LedgerSettings)


def test_a_wrong_address_of_the_ledger_is_named_beside_all_else_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_MONGO_URL", "postgres://someone:hidden@db")
    monkeypatch.delenv("ROLLCALL_SEALING_KEYS", raising=False)
    with pytest.raises(SettingsError) as caught:
        load(LedgerSettings)
    assert sorted(str(caught.value).splitlines()) == [
        "ROLLCALL_MONGO_URL: is not a valid MongoDB connection string",
        "ROLLCALL_SEALING_KEYS: is not set",
    ]


def test_ranges_for_providers_of_tenants_are_read_with_and_without_a_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_TENANT_NETWORKS", " 10.1.0.0/16, fd00:1::/32,192.168.7.5,")

    ranges = [ip_network("10.1.0.0/16"), ip_network("fd00:1::/32"), ip_network("192.168.7.5")]
    assert list(load(TenantBoundSettings).tenant_networks) == ranges


@pytest.mark.parametrize("value", ["10.1.0.0/16,10.2.0.0/33", "::1,10.1.0.5/16", "10.0.0.0/8,mail.example"])
def test_a_range_that_is_wrong_is_named_and_not_shown(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_TENANT_NETWORKS", value)

    with pytest.raises(SettingsError) as caught:
        load(TenantBoundSettings)

    expected = "range 2 must be an address or a range in CIDR notation, such as 10.1.0.0/16"
    assert str(caught.value) == f"ROLLCALL_TENANT_NETWORKS: {expected}"
