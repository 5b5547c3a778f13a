"""The providers in the environment, and what is said when they are wrong."""

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
SMTP = {"name": "post", "kind": "smtp", "host": "mail.example", "sender": "us@example.org"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv("ROLLCALL_PROVIDERS", raising=False)
    monkeypatch.delenv("ROLLCALL_PROVIDERS_FILE", raising=False)
    return monkeypatch


def said(environment: pytest.MonkeyPatch, *entries: Any) -> str:
    """What is said about these entries."""
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
    with pytest.raises(SettingsError, match="ROLLCALL_PROVIDERS_FILE: provider 1: headers: a name or value"):
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


def test_a_name_that_the_environment_lacks_is_said(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "providers.toml"
    file.write_text('[[provider]]\nname = "${NOBODY_SET_THIS}"')
    environment.setenv("ROLLCALL_PROVIDERS_FILE", str(file))

    with pytest.raises(SettingsError) as error:
        load(ProviderSettings)

    assert str(error.value) == "ROLLCALL_PROVIDERS_FILE: the file names ${NOBODY_SET_THIS}, which is not set"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"x = [", "the file is not TOML (at end of document)"),
        (b"a = 1\nb = geheim", "the file is not TOML (at line 2, column 5)"),
        (b"[other]\n", "the file must hold [[provider]] tables and nothing else"),
        (b"[provider]\n", "it must be a list of at least one provider"),
        (b"\xff", "the file is not UTF-8"),
        (None, "the file cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_used_is_said_in_one_line(
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
def test_what_is_not_json_is_said_in_one_line(environment: pytest.MonkeyPatch, value: str) -> None:
    environment.setenv("ROLLCALL_PROVIDERS", value)

    with pytest.raises(SettingsError) as error:
        load(ProviderSettings)

    assert str(error.value) == "ROLLCALL_PROVIDERS: it is not JSON"


@pytest.mark.parametrize("both", [True, False])
def test_one_of_both_ways_is_needed(environment: pytest.MonkeyPatch, tmp_path: Path, *, both: bool) -> None:
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
        ({**SIMULATOR, "colour": "geheim"}, "colour: Extra inputs are not permitted"),
        ({**SIMULATOR, "failure_rate": 0.7, "retry_rate": 0.7}, "the rates sum to more than 1"),
        ({**SIMULATOR, "fail_suffixes": [""]}, "fail_suffixes: an empty suffix would match every address"),
        ({**SIMULATOR, "name": "two words"}, "name: String should match pattern '^[A-Za-z0-9._-]{1,64}$'"),
        ({**SIMULATOR, "timeout_seconds": 0}, "timeout_seconds: Input should be greater than 0"),
        ({**HTTP, "url": "ftp://geheim/"}, "url: it is not a URL of http or https"),
        ({**HTTP, "url": "http://[::1"}, "url: it is not a URL of http or https"),
        (
            {**HTTP, "url": "https://us:geheim@gateway.example/"},
            "url: it must carry no user, password or fragment; use headers or bearer_token",
        ),
        ({**HTTP, "headers": {"Idempotency-Key": "x"}}, "headers: Idempotency-Key is set by the provider itself"),
        ({**HTTP, "headers": {"X": "geheim\r\nY: z"}}, "headers: a name or value is not one of HTTP"),
        ({**HTTP, "bearer_token": "geheim\n"}, "bearer_token: it cannot stand in a header"),
        (
            {**HTTP, "bearer_token": "geheim", "headers": {"authorization": "geheim"}},
            "bearer_token and the header Authorization exclude each other",
        ),
        ({**HTTP, "ca_file": "/no/such/file"}, "ca_file: the file cannot be read as PEM"),
        ({**SMTP, "channel": "sms"}, "channel: Input should be <Channel.EMAIL: 'email'>"),
        ({**SMTP, "sender": "geheim"}, "sender: it is neither an address nor Name <address>"),
        ({**SMTP, "username": "us"}, "username and password go together"),
        (
            {**SMTP, "tls": "none", "username": "us", "password": "geheim"},
            "a password must not travel in the clear: set tls to starttls or tls",
        ),
        ({**SMTP, "list_unsubscribe": "http://geheim/"}, "list_unsubscribe: it is not a plain https: or mailto: URI"),
        ("geheim", "Input should be a valid dictionary or object to extract fields from"),
    ],
)
def test_a_wrong_entry_is_named_and_its_values_are_not_shown(
    environment: pytest.MonkeyPatch,
    entry: Any,
    complaint: str,
) -> None:
    assert said(environment, {**SIMULATOR, "name": "first"}, entry) == f"ROLLCALL_PROVIDERS: provider 2: {complaint}"


def test_two_providers_of_one_name_are_refused(environment: pytest.MonkeyPatch) -> None:
    assert said(environment, SIMULATOR, SIMULATOR) == "ROLLCALL_PROVIDERS: two providers are named sim"


def test_no_provider_at_all_is_refused(environment: pytest.MonkeyPatch) -> None:
    assert said(environment) == "ROLLCALL_PROVIDERS: it must be a list of at least one provider"


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


async def test_closing_all_closes_each() -> None:
    providers = build_providers(parse([SIMULATOR, HTTP, SMTP]))

    await providers.aclose()

    assert [await providers.for_channel(channel)[0].check() for channel in Channel] == ["provider closed"] * 2


def test_two_providers_of_one_name_cannot_be_put_together() -> None:
    entry = SimulatorEntry.model_validate(SIMULATOR)

    with pytest.raises(ValueError, match="two providers have one name"):
        Providers([SimulatorProvider(entry), SimulatorProvider(entry)])
