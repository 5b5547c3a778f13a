"""Entries of the providers that tenants manage themselves."""

import json
from typing import Any

import pytest
from pydantic import SecretStr

from providers.kinds import KINDS
from providers.registry import build_provider
from providers.tenant_entries import TENANT_ENTRIES, connections_of, parse_tenant_entry, receipts_of, redacted
from schemas.provider_configs import MAX_CONFIG_BYTES
from schemas.statuses import Channel

SECRET = "Very-Secret-58"
URL = "https://gateway.example/send"
MAIL = {"sender": "Shop <shop@example.org>"}
CONFIGS: dict[str, tuple[Channel, dict[str, Any]]] = {
    "http": (Channel.SMS, {"url": URL, "headers": {"X-Key": SECRET}, "bearer_token": SECRET}),
    "smtp": (Channel.EMAIL, {**MAIL, "host": "mail.example", "username": "shop", "password": SECRET}),
    "aliyun": (Channel.SMS, {"access_key_id": SECRET, "access_key_secret": SECRET}),
    "tencent": (
        Channel.SMS,
        {"region": "ap-guangzhou", "secret_id": SECRET, "secret_key": SECRET, "sms_sdk_app_id": "1400000000"},
    ),
    "twilio": (Channel.SMS, {"account_sid": "AC" + 32 * "0", "auth_token": SECRET, "sender": "+15005550006"}),
    "vonage": (Channel.SMS, {"sender": "Shop", "api_key": SECRET, "api_secret": SECRET}),
    "ses": (
        Channel.EMAIL,
        {**MAIL, "region": "eu-west-1", "access_key_id": SECRET, "secret_access_key": SECRET, "session_token": SECRET},
    ),
    "sendgrid": (Channel.EMAIL, {**MAIL, "api_key": SECRET}),
    "mailgun": (Channel.EMAIL, {**MAIL, "domain": "example.org", "api_key": SECRET}),
}
"""A configuration of each kind, with most of its secrets."""


def problems(config: Any, name: str = "http", channel: Channel = Channel.SMS) -> list[str]:
    """Return the lines of the error for a configuration."""
    text = config if isinstance(config, str) else json.dumps(config)
    with pytest.raises(ValueError, match=r"^(config|channel|name|priority)\b") as error:
        parse_tenant_entry(name, channel, 100, text)
    return str(error.value).splitlines()


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_tenant_may_use_every_kind_but_the_simulator(kind: str) -> None:
    channel, config = CONFIGS[kind]

    entry = parse_tenant_entry("main", channel, 7, json.dumps({"kind": kind, **config}))
    provider = build_provider(entry)

    assert (entry.kind, entry.name, entry.channel, entry.priority) == (kind, "main", channel, 7)
    assert (provider.name, provider.channel) == ("main", channel)
    assert CONFIGS.keys() == TENANT_ENTRIES.keys() == KINDS.keys() - {"simulator"}


@pytest.mark.parametrize("kind", CONFIGS)
def test_no_secret_of_any_kind_is_shown(kind: str) -> None:
    channel, config = CONFIGS[kind]
    given = json.dumps({"kind": kind, **config})
    secrets = [name for name, field in TENANT_ENTRIES[kind].model_fields.items() if "SecretStr" in str(field)]

    shown = json.loads(redacted("main", given))
    everything = redacted("main", json.dumps({"kind": kind, **dict.fromkeys(secrets, SECRET)}))

    assert SECRET not in json.dumps(shown) + everything + repr(parse_tenant_entry("main", channel, 1, given))
    assert shown.keys() == json.loads(given).keys()
    assert json.loads(everything) == {"kind": kind, **dict.fromkeys(secrets, "***")}


def test_the_keys_of_receipts_are_checked_kept_and_hidden_whole() -> None:
    receipts = {"signing_key": f"{SECRET} of more than 32 characters", "max_age_seconds": 60}
    given = json.dumps({"kind": "http", "url": URL, "receipts": receipts})

    entry = parse_tenant_entry("main", Channel.SMS, 7, given)

    keys = receipts_of(entry)
    assert keys is not None
    assert (keys.kind, keys.provider, keys.max_age_seconds) == ("http", "main", 60)
    assert build_provider(entry).name == "main"
    assert json.loads(redacted("main", given))["receipts"] == "***"
    assert SECRET not in repr(entry) + redacted("main", given)


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_name_that_sounds_like_a_secret_has_the_type_of_one(kind: str) -> None:
    words = ("secret", "password", "token", "api_key", "access_key")

    for name, field in TENANT_ENTRIES[kind].model_fields.items():
        assert SecretStr.__name__ in str(field) or not any(word in name for word in words) or name.endswith("_sid")


@pytest.mark.parametrize("kind", CONFIGS)
def test_no_error_shows_a_value(kind: str) -> None:
    channel, config = CONFIGS[kind]
    for name in TENANT_ENTRIES[kind].model_fields:
        for wrong in (f"{SECRET}\r\n ${{X}}", f"https://{SECRET}@h:{SECRET}/${{X}}", [SECRET], {SECRET: [SECRET]}):
            lines = problems({"kind": kind, **config, name: wrong}, "main", channel)
            assert SECRET not in "".join(lines)
            assert f"config.{name}" in "".join(lines)


@pytest.mark.parametrize("field", ["return_path", "bounce_key"])
def test_a_tenant_signs_no_return_path_because_its_bounces_are_not_read(field: str) -> None:
    channel, config = CONFIGS["smtp"]

    lines = problems({"kind": "smtp", **config, field: SECRET}, "main", channel)

    assert lines == [f"config.{field}: must not be given. Only the operator's bounces are read."]


def test_every_wrong_field_is_named_at_once() -> None:
    wrong = {
        "url": "ftp://gateway.example",
        "concurrency": 0,
        "timeout_seconds": 11,
        "rate_per_second": 0.9,
        "max_per_second": 100_001,
        "ca_file": "/etc/passwd",
        "prices": {"currency": "EUR", "by_prefix": {"": "1"}},
        "name": "other",
        "bearer_token": "${ROLLCALL_MONGO_URL}",
        "headers": {"X-Key": 5},
        "api_kye": SECRET,
        SECRET: SECRET,
    }

    assert sorted(problems(wrong)) == [
        "config.(unknown): is not a field of its kind",
        "config.api_kye: is not a field of its kind",
        "config.bearer_token: must not refer to a variable of the environment",
        "config.ca_file: must not be given. It names a file, and only the operator has files.",
        "config.concurrency: input should be greater than or equal to 1",
        "config.headers.(unknown): input should be a valid string",
        "config.max_per_second: input should be less than or equal to 100000",
        "config.name: must not be given here. It is the name of the provider.",
        "config.prices: must not be given. Only the operator has prices.",
        "config.rate_per_second: input should be greater than or equal to 1",
        "config.timeout_seconds: input should be less than or equal to 10",
        "config.url: must be a URL of http or https",
    ]


@pytest.mark.parametrize(
    "config",
    [
        "",
        "no json",
        "[]",
        '"text"',
        '{"url": NaN}',
        '{"timeout_seconds": Infinity}',
        '{"rate_per_second": 1e999}',
        f'{{"concurrency": {"9" * 5_000}}}',
        '{"url": "\\ud800"}',
        '{"url": "\ud800"}',
        '{"url": "https://a.example", "url": "https://b.example"}',
        '{"headers": {"A": "1", "A": "2"}}',
        "[" * 4_000,
        f'{{"headers": {"[" * 900}{"]" * 900}}}',
        '{"headers": ' + 9 * '{"a":' + "1" + 10 * "}",
        json.dumps({"url": URL + "x" * MAX_CONFIG_BYTES}),
        json.dumps({"url": URL, "sender": "é" * (MAX_CONFIG_BYTES // 2)}, ensure_ascii=False),
        " " * MAX_CONFIG_BYTES + "{}",
    ],
)
def test_a_text_that_is_no_small_object_is_refused_with_one_line(config: str) -> None:
    (line,) = problems(config)

    assert line.startswith("config: must ")
    assert redacted("http", config) == "{}"


@pytest.mark.parametrize("kind", ["simulator", "other", 5, None, ["http"], {"http": "http"}])
def test_a_kind_that_a_tenant_may_not_use_is_refused(kind: Any) -> None:
    (line,) = problems({"kind": kind, "url": URL})

    assert line.startswith("config.kind: must be one of http, smtp, aliyun")


def test_a_name_that_is_no_kind_needs_one() -> None:
    (line,) = problems({"url": URL}, "main")

    assert line.startswith("config.kind: must be one of http, smtp, aliyun")


def test_a_channel_that_the_kind_does_not_have_is_refused() -> None:
    assert problems(CONFIGS["smtp"][1], "smtp") == [
        "channel: must be email, because a provider of this kind has no other"
    ]


@pytest.mark.parametrize("hidden", [{"bearer_token": "***"}, {"url": f"{URL}?***"}, {"headers": {"X-Key": "***"}}])
def test_a_secret_of_an_answer_is_no_secret(hidden: dict[str, Any]) -> None:
    (line,) = problems({"url": URL, **hidden})

    assert line.endswith("must be the secret itself. An answer shows *** in place of it.")


def test_what_may_be_a_secret_in_a_uri_is_not_shown() -> None:
    config = {
        "kind": "mailgun",
        "base_url": f"https://shop:{SECRET}@host.example/a@b?key={SECRET}#{SECRET}",
        "list_unsubscribe": f"<https://a.example/out?k={SECRET}&u={{{{u}}}}>, <mailto:out@a.example?body={SECRET}>",
        "sender": "Shop <shop@example.org>",
    }

    assert json.loads(redacted("main", json.dumps(config))) == {
        "kind": "mailgun",
        "base_url": "https://***@host.example/a@b?***",
        "list_unsubscribe": "<https://a.example/out?***>, <mailto:out@a.example?***>",
        "sender": "Shop <shop@example.org>",
    }


def test_a_configuration_of_a_newer_version_shows_only_known_fields() -> None:
    newer = {"kind": "courier", "api_thing": SECRET, "url": URL}

    assert json.loads(redacted("main", json.dumps(newer))) == dict.fromkeys(newer, "***")
    assert json.loads(redacted("http", json.dumps({"url": URL, "api_thing": SECRET}))) == {
        "url": URL,
        "api_thing": "***",
    }


def test_connections_are_counted_as_the_kind_opens_them() -> None:
    counts = {}
    for kind, (channel, config) in CONFIGS.items():
        counts[kind] = connections_of(parse_tenant_entry(kind, channel, 100, json.dumps(config)))
    many = connections_of(parse_tenant_entry("http", Channel.SMS, 100, json.dumps({"url": URL, "concurrency": 30})))

    assert counts == dict.fromkeys(CONFIGS, 8)
    assert many == 30
