"""Providers in the environment, and the messages for invalid ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from config.settings import SettingsError, load
from providers.config_file import parse
from providers.http import HttpEntry
from providers.kinds import KINDS
from providers.registry import Providers, build_providers
from providers.settings import ProviderSettings
from providers.simulator import SimulatorEntry, SimulatorProvider
from providers.smtp import SmtpEntry
from schemas.statuses import Channel

SIMULATOR = {"name": "sim", "kind": "simulator", "channel": "sms"}
HTTP = {"name": "own", "kind": "http", "channel": "sms", "url": "https://gateway.example/send"}
PLAIN = {**HTTP, "url": "http://gateway.example/send"}
UNENCRYPTED = "bearer_token and headers must not be sent unencrypted. Use https, or set allow_plain_http to true."
NO_LIST = "list_id: must be <list.example.org> or Name <list.example.org>"
DOMAIN = "bounces.example"
LONG_RETURN_PATH = "must have at most 11 characters before the @, and at most 189 after it"
SMTP = {"name": "post", "kind": "smtp", "host": "mail.example", "sender": "us@example.org"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv("ROLLCALL_PROVIDERS", raising=False)
    monkeypatch.delenv("ROLLCALL_PROVIDERS_FILE", raising=False)
    return monkeypatch


def said(environment: pytest.MonkeyPatch, *entries: Any) -> str:
    """Return the error message for these entries."""
    environment.setenv("ROLLCALL_PROVIDERS", json.dumps(entries))
    with pytest.raises(SettingsError) as error:
        load(ProviderSettings)
    return str(error.value)


def test_providers_are_read_from_json(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ROLLCALL_PROVIDERS", json.dumps([SIMULATOR, HTTP, SMTP]))

    entries = load(ProviderSettings).entries

    assert [type(entry) for entry in entries] == [SimulatorEntry, HttpEntry, SmtpEntry]
    assert [entry.channel for entry in entries] == [Channel.SMS, Channel.SMS, Channel.EMAIL]
    assert [entry.priority for entry in entries] == [100, 100, 100]
    assert [entry.timeout_seconds for entry in entries] == [10, 10, 10]


def priced(prices: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**SIMULATOR, "prices": prices, **changes}


def test_the_longest_prefix_of_a_number_decides_its_price() -> None:
    by_prefix = {"+86": "0.045", "+861": "0.05", "": "0.08"}
    prices = build_providers(parse([priced({"currency": "EUR", "by_prefix": by_prefix}), HTTP])).prices
    numbers = ["+8613800138000", "+862012345678", "+4917112345678"]
    assert [prices.per_segment("sim", number) for number in numbers] == [50_000, 45_000, 80_000]
    assert (prices.currency, prices.per_segment("own", numbers[0])) == ("EUR", None)


def test_a_number_without_a_prefix_has_no_price() -> None:
    prices = build_providers(parse([priced({"currency": "EUR", "by_prefix": {"+86": "0"}})])).prices
    assert (prices.per_segment("sim", "+8613800138000"), prices.per_segment("sim", "+4917112345678")) == (0, None)


@pytest.mark.parametrize(
    ("prices", "complaint"),
    [
        ({"currency": "euro", "by_prefix": {"": "1"}}, "prices.currency: must be three capital letters, such as EUR"),
        ({"currency": "EUR", "by_prefix": {}}, "prices.by_prefix: "),
        (
            {"currency": "EUR", "by_prefix": {"86": "1"}},
            "prices.by_prefix.86: must be the beginning of a number, such as +49, or empty for all others",
        ),
        ({"currency": "EUR", "by_prefix": {"": "0.0000001"}}, "prices.by_prefix."),
        ({"currency": "EUR", "by_prefix": {"": 0.1}}, "prices.by_prefix."),
        (
            {"currency": "EUR", "by_prefix": {"": "-1"}},
            "prices.by_prefix.: must be an amount such as 25.50, with at most 12 digits",
        ),
    ],
)
def test_prices_are_exact_and_named_if_they_are_wrong(
    environment: pytest.MonkeyPatch, prices: dict[str, Any], complaint: str
) -> None:
    assert complaint in said(environment, priced(prices))


def test_all_prices_have_one_currency(environment: pytest.MonkeyPatch) -> None:
    entries = [priced({"currency": name, "by_prefix": {"": "1"}}, name=f"in-{name}") for name in ("EUR", "USD")]
    complaint = "in-EUR has prices in EUR, and in-USD in USD. All prices must be in one currency."
    assert complaint in said(environment, *entries)


def test_only_sms_have_prices(environment: pytest.MonkeyPatch) -> None:
    mail = priced({"currency": "EUR", "by_prefix": {"": "1"}}, channel="email")
    assert "prices: must not be given, because it is only for channel sms" in said(environment, mail)


def test_providers_are_read_from_a_file_with_secrets_from_the_environment(
    environment: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    file = tmp_path / "providers.toml"
    file.write_text(
        """
        [[provider]]
        name = "own"
        kind = "http"
        channel = "sms"
        url = "https://${GATEWAY}/send"
        rate_per_second = 50
        headers = { X-Key = "${GATEWAY_KEY}", X-Literal = "$${GATEWAY_KEY}" }

        [[provider]]
        name = "post"
        kind = "smtp"
        host = "mail.example"
        sender = "Us <us@example.org>"
        """,
    )
    environment.setenv("GATEWAY", "gateway.example")
    environment.setenv("GATEWAY_KEY", 'geheim"]\n')
    environment.setenv("ROLLCALL_PROVIDERS_FILE", str(file))
    with pytest.raises(SettingsError, match="ROLLCALL_PROVIDERS_FILE: provider 1: headers: each name and value"):
        load(ProviderSettings)
    environment.setenv("GATEWAY_KEY", "geheim")

    own, post = load(ProviderSettings).entries

    assert isinstance(own, HttpEntry)
    assert own.url == "https://gateway.example/send"
    assert {name: value.get_secret_value() for name, value in own.headers.items()} == {
        "X-Key": "geheim",
        "X-Literal": "${GATEWAY_KEY}",
    }
    assert post.name == "post"


def test_a_missing_environment_variable_is_named(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "providers.toml"
    file.write_text('[[provider]]\nname = "a"\nkind = "simulator"\nchannel = "sms"\nseed = "${NOBODY_SET_THIS}"')
    environment.setenv("ROLLCALL_PROVIDERS_FILE", str(file))

    with pytest.raises(SettingsError) as error:
        load(ProviderSettings)

    assert "ROLLCALL_PROVIDERS_FILE: ${NOBODY_SET_THIS} in the file is not set in the environment" in str(error.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"x = [", "the file is not TOML (at end of document)"),
        (b"a = 1\nb = geheim", "the file is not TOML (at line 2, column 5)"),
        (b"\xef\xbb\xbf[other]\n", "the file must hold [[provider]] tables and nothing else"),
        (b"[other]\n", "the file must hold [[provider]] tables and nothing else"),
        (b"[provider]\n", "must be a list of at least one provider"),
        (b"\xff", "the file is not UTF-8"),
        (None, "the file cannot be read: No such file or directory"),
    ],
)
def test_an_unusable_file_is_reported_in_one_line(
    environment: pytest.MonkeyPatch,
    tmp_path: Path,
    content: bytes | None,
    complaint: str,
) -> None:
    file = tmp_path / "providers.toml"
    if content is not None:
        file.write_bytes(content)
    environment.setenv("ROLLCALL_PROVIDERS_FILE", str(file))

    with pytest.raises(SettingsError) as error:
        load(ProviderSettings)

    assert str(error.value) == f"ROLLCALL_PROVIDERS_FILE: {complaint}"


@pytest.mark.parametrize("value", ["[", "simulator", "[" * 100_000])
def test_invalid_json_is_reported_in_one_line(environment: pytest.MonkeyPatch, value: str) -> None:
    environment.setenv("ROLLCALL_PROVIDERS", value)

    with pytest.raises(SettingsError) as error:
        load(ProviderSettings)

    assert str(error.value) == "ROLLCALL_PROVIDERS: must be valid JSON"


@pytest.mark.parametrize("both", [True, False])
def test_exactly_one_of_both_variables_is_required(
    environment: pytest.MonkeyPatch, tmp_path: Path, *, both: bool
) -> None:
    if both:
        file = tmp_path / "providers.toml"
        file.write_text('[[provider]]\nname = "sim"\nkind = "simulator"\nchannel = "sms"')
        environment.setenv("ROLLCALL_PROVIDERS", json.dumps([SIMULATOR]))
        environment.setenv("ROLLCALL_PROVIDERS_FILE", str(file))
    else:
        environment.setenv("ROLLCALL_PROVIDERS", "")

    with pytest.raises(SettingsError, match="exactly one of ROLLCALL_PROVIDERS and ROLLCALL_PROVIDERS_FILE"):
        load(ProviderSettings)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({**SIMULATOR, "kind": "pigeon"}, f"kind must be one of {', '.join(KINDS)}"),
        ({"name": "sim", "channel": "sms"}, f"kind must be one of {', '.join(KINDS)}"),
        ({**SIMULATOR, "colour": "geheim"}, "colour: is not a field of its kind (docs/settings.md lists the fields)"),
        ({**SIMULATOR, "failure_rate": 0.7, "retry_rate": 0.7}, "the sum of the rates must be at most 1"),
        ({**SIMULATOR, "fail_suffixes": [""]}, "fail_suffixes: an empty suffix would match every address"),
        ({**SIMULATOR, "name": "two words"}, "name: must have 1 to 64 letters, digits and . _ -"),
        ({**SIMULATOR, "timeout_seconds": 0}, "timeout_seconds: input should be greater than 0"),
        ({**HTTP, "url": "ftp://geheim/"}, "url: must be a URL of http or https"),
        ({**HTTP, "url": "http://[::1"}, "url: must be a URL of http or https"),
        (
            {**HTTP, "url": "https://us:geheim@gateway.example/"},
            "url: must not have a user, password or fragment. Use headers or bearer_token.",
        ),
        (
            {**HTTP, "headers": {"Idempotency-Key": "x"}},
            "headers: must not include Idempotency-Key, which the provider sets itself",
        ),
        ({**HTTP, "headers": {"X": "geheim\r\nY: z"}}, "headers: each name and value must be valid in HTTP"),
        ({**HTTP, "bearer_token": "geheim\n"}, "bearer_token: must be valid in a header"),
        (
            {**HTTP, "bearer_token": "geheim", "headers": {"authorization": "geheim"}},
            "bearer_token and the header Authorization must not both be given",
        ),
        ({**PLAIN, "bearer_token": "geheim"}, UNENCRYPTED),
        ({**PLAIN, "headers": {"X-Key": "geheim"}}, UNENCRYPTED),
        ({**PLAIN, "url": "HTTP://127.0.0.1.example/", "bearer_token": "geheim"}, UNENCRYPTED),
        ({**HTTP, "ca_file": "/no/such/file"}, "ca_file: must be a readable PEM file"),
        ({**SMTP, "channel": "sms"}, "channel: input should be 'email'"),
        ({name: value for name, value in SMTP.items() if name != "host"}, "host: is required"),
        ({**SMTP, "sender": "geheim"}, "sender: must be an address or Name <address>"),
        ({**SMTP, "username": "us"}, "username and password must be given together"),
        (
            {**SMTP, "tls": "none", "username": "us", "password": "geheim"},
            "a password must not be sent unencrypted. Set tls to starttls or tls.",
        ),
        ({**SMTP, "return_path": "geheim"}, "return_path: must be an address, such as bounces@example.com"),
        ({**SMTP, "return_path": f"geheimgeheim@{DOMAIN}"}, f"return_path: {LONG_RETURN_PATH}"),
        ({**SMTP, "return_path": f"geheim@{'d' * 182}.example"}, f"return_path: {LONG_RETURN_PATH}"),
        ({**SMTP, "return_path": f"b@{DOMAIN}"}, "return_path and bounce_key must be given together"),
        ({**SMTP, "bounce_key": "geheim" * 6}, "return_path and bounce_key must be given together"),
        ({**SMTP, "return_path": f"b@{DOMAIN}", "bounce_key": "geheim"}, "bounce_key: must have 32 to 200 characters"),
        ({**SMTP, "list_id": "geheim"}, NO_LIST),
        ({**SMTP, "list_id": "A\r\nBcc: geheim <l.example>"}, NO_LIST),
        (
            {**SMTP, "feedback_id": "june:geheim\r\n"},
            "feedback_id: must be up to three fields and the sender's id, of 5 to 15 characters, joined by colons",
        ),
        ({**SMTP, "list_unsubscribe": "geheim"}, "list_unsubscribe: must begin with https:, http: or mailto:"),
        ("geheim", "Input should be a valid dictionary or object to extract fields from"),
    ],
)
def test_a_wrong_entry_is_named_and_its_values_are_not_shown(
    environment: pytest.MonkeyPatch,
    entry: Any,
    complaint: str,
) -> None:
    assert said(environment, {**SIMULATOR, "name": "first"}, entry) == f"ROLLCALL_PROVIDERS: provider 2: {complaint}"


@pytest.mark.parametrize(
    "entry",
    [
        PLAIN,
        {**PLAIN, "bearer_token": "geheim", "allow_plain_http": True},
        {**PLAIN, "bearer_token": "geheim", "url": "http://127.0.0.1:8000/"},
        {**PLAIN, "bearer_token": "geheim", "url": "http://localhost/"},
        {**PLAIN, "bearer_token": "geheim", "url": "http://[::1]:80/"},
    ],
)
def test_plain_http_is_allowed_without_secrets_to_loopback_and_if_the_entry_permits_it(entry: dict[str, Any]) -> None:
    assert parse([entry])


def test_two_providers_of_one_name_are_refused(environment: pytest.MonkeyPatch) -> None:
    assert (
        said(environment, SIMULATOR, SIMULATOR)
        == "ROLLCALL_PROVIDERS: two providers have the name sim. Each name must be unique."
    )


def test_no_provider_at_all_is_refused(environment: pytest.MonkeyPatch) -> None:
    assert said(environment) == "ROLLCALL_PROVIDERS: must be a list of at least one provider"


def test_no_secret_is_shown(environment: pytest.MonkeyPatch) -> None:
    entries = [
        {**HTTP, "bearer_token": "geheim", "headers": {"X-Key": "geheim"}},
        {**SMTP, "username": "us", "password": "geheim"},
    ]
    environment.setenv("ROLLCALL_PROVIDERS", json.dumps(entries))

    settings = load(ProviderSettings)

    assert "geheim" not in f"{settings!r} {build_providers(settings.entries)!r}"


def test_providers_are_found_by_channel_in_order_of_priority_and_by_name() -> None:
    entries = parse(
        [
            {**SIMULATOR, "name": "last"},
            {**SIMULATOR, "name": "mail", "channel": "email", "priority": 1},
            {**SIMULATOR, "name": "first", "priority": 10},
            {**SIMULATOR, "name": "after-last"},
        ],
    )

    providers = build_providers(entries)

    assert [provider.name for provider in providers.for_channel(Channel.SMS)] == ["first", "last", "after-last"]
    assert [provider.name for provider in providers.for_channel(Channel.EMAIL)] == ["mail"]
    assert (found := providers.get("mail")) is not None
    assert found.name == "mail"
    assert providers.get("nobody") is None


async def test_closing_the_collection_closes_each_provider() -> None:
    providers = build_providers(parse([SIMULATOR, HTTP, SMTP]))

    await providers.aclose()

    assert [await providers.for_channel(channel)[0].check() for channel in Channel] == ["provider closed"] * 2


def test_two_providers_of_one_name_cannot_be_put_together() -> None:
    entry = SimulatorEntry.model_validate(SIMULATOR)

    with pytest.raises(ValueError, match="two providers have the same name"):
        Providers([SimulatorProvider(entry), SimulatorProvider(entry)])
