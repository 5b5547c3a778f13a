"""Settings of the keys for receipts, and the errors about them."""

import json
from pathlib import Path
from typing import Any

import pytest

from config.settings import SettingsError, load
from providers.receipts.receipt_settings import ReceiptSettings

KEY = "a key of the gateway with 32 characters"
SECRET = "a-secret_of-the-path_with-more-than-32"
GATEWAY = {"kind": "http", "provider": "gateway", "signing_key": KEY}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_all(**values: Any) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"ROLLCALL_{name}", value if isinstance(value, str) else json.dumps(value))

    return set_all


def problems(settings: type[ReceiptSettings] = ReceiptSettings) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(settings)
    assert KEY not in str(caught.value)
    assert SECRET not in str(caught.value)
    return str(caught.value).splitlines()


def test_nothing_is_required(environment: Any) -> None:
    environment(RECEIPTS="", RECEIPTS_FILE="", PUBLIC_URL="")
    settings = load(ReceiptSettings)
    assert (settings.receipt_entries, settings.public_url) == ((), None)


def test_a_list_and_a_file_give_the_same_entries(environment: Any, monkeypatch: Any, tmp_path: Path) -> None:
    environment(RECEIPTS=[GATEWAY])
    listed = load(ReceiptSettings).receipt_entries
    file = tmp_path / "receipts.toml"
    file.write_text('[[receipts]]\nkind = "http"\nprovider = "gateway"\nsigning_key = "${GATEWAY_KEY}"\n')
    monkeypatch.setenv("GATEWAY_KEY", KEY)
    environment(RECEIPTS="", RECEIPTS_FILE=str(file))

    (entry,) = listed
    assert load(ReceiptSettings).receipt_entries == listed
    assert (entry.kind, entry.provider, entry.max_age_seconds) == ("http", "gateway", 300)
    assert KEY not in repr(listed)


def test_every_problem_is_named_at_once_without_a_value(environment: Any) -> None:
    entries = [
        {"kind": "http", "provider": "a b", "max_age_seconds": 0, "signing_keys": KEY},
        {"kind": "pigeon", "provider": "mail"},
        "gateway",
        {**GATEWAY, "path_secret": "too-short"},
        {**GATEWAY, "path_secret": f"{SECRET}/"},
        *([{**GATEWAY, "provider": "three"}] * 3),
        {**GATEWAY, "provider": "mixed"},
        {**GATEWAY, "provider": "mixed", "kind": "simulator"},
    ]
    environment(RECEIPTS=entries, RECEIPTS_FILE="/nowhere/receipts.toml", PUBLIC_URL="rollcall.example")

    lines = problems()

    expected = [
        "ROLLCALL_RECEIPTS: entry 1: provider: must have 1 to 64 letters, digits and . _ -",
        "ROLLCALL_RECEIPTS: entry 1: max_age_seconds: input should be greater than or equal to 1",
        "ROLLCALL_RECEIPTS: entry 1: signing_key: is required",
        "ROLLCALL_RECEIPTS: entry 1: signing_keys: is not a field of its kind",
        "ROLLCALL_RECEIPTS: entry 3: must be a table",
        "ROLLCALL_RECEIPTS: entry 4: path_secret: must have at least 32 characters",
        "ROLLCALL_RECEIPTS: entry 5: path_secret: must have only the characters A-Z, a-z, 0-9, - and _",
        "ROLLCALL_RECEIPTS: provider three has 3 entries. At most 2 are allowed.",
        "ROLLCALL_RECEIPTS: the entries of provider mixed must have one kind",
        "ROLLCALL_RECEIPTS_FILE: the file cannot be read: No such file or directory",
        "ROLLCALL_PUBLIC_URL: must be a URL of http or https without user, query and fragment",
    ]
    assert [line for line in expected if line not in lines] == []
    assert [line for line in lines if line.startswith("ROLLCALL_RECEIPTS: entry 2: kind must be one of simulator, ")]
    assert len(lines) == len(expected) + 1


@pytest.mark.parametrize("value", ["{", "{}", "[]", "7", "null"])
def test_a_value_that_is_no_list_is_named(environment: Any, value: str) -> None:
    environment(RECEIPTS=value)
    (line,) = problems()
    assert line.startswith("ROLLCALL_RECEIPTS: must be ")


def test_the_list_and_the_file_must_not_both_be_set(environment: Any, tmp_path: Path) -> None:
    file = tmp_path / "receipts.toml"
    file.write_text(f'[[receipts]]\nkind = "http"\nprovider = "gateway"\nsigning_key = "{KEY}"\n')
    environment(RECEIPTS=[GATEWAY], RECEIPTS_FILE=str(file))
    assert problems() == ["ROLLCALL_RECEIPTS: at most one of ROLLCALL_RECEIPTS and ROLLCALL_RECEIPTS_FILE may be set"]


def test_a_file_without_its_variable_names_it(environment: Any, tmp_path: Path) -> None:
    file = tmp_path / "receipts.toml"
    file.write_text('[[receipts]]\nkind = "http"\nprovider = "gateway"\nsigning_key = "${KEY_OF_THE_GATEWAY}"\n')
    environment(RECEIPTS_FILE=str(file))
    assert "ROLLCALL_RECEIPTS_FILE: ${KEY_OF_THE_GATEWAY} in the file is not set in the environment" in problems()


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("https://rollcall.example.org", "https://rollcall.example.org"),
        ("https://rollcall.example.org/", "https://rollcall.example.org"),
        ("http://10.0.0.1:8080/behind/a/proxy/", "http://10.0.0.1:8080/behind/a/proxy"),
    ],
)
def test_a_public_url_is_a_base(environment: Any, given: str, base: str) -> None:
    environment(PUBLIC_URL=given)
    assert load(ReceiptSettings).public_url == base


@pytest.mark.parametrize(
    "url", ["rollcall.example", "ftp://h", "https://", "https://u:p@h", "https://h?x", "https://h#x", "https://h:x"]
)
def test_a_wrong_public_url_is_refused(environment: Any, url: str) -> None:
    environment(PUBLIC_URL=url)
    assert problems() == ["ROLLCALL_PUBLIC_URL: must be a URL of http or https without user, query and fragment"]
