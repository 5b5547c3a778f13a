"""Routes in the environment, and the messages for invalid ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from config.settings import SettingsError, load
from core.routes import Route, Target
from providers.routes import build_routes
from providers.settings import ProviderSettings
from schemas.statuses import Category, Channel

PROVIDERS = [
    {"name": "a", "kind": "simulator", "channel": "sms"},
    {"name": "b", "kind": "simulator", "channel": "sms"},
    {"name": "post", "kind": "simulator", "channel": "email"},
]
CODES = {"channel": "sms", "category": "transactional", "prefix": "+86", "providers": ["b", "a"]}


@pytest.fixture(autouse=True)
def providers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROVIDERS_FILE", "ROUTES", "ROUTES_FILE"):
        monkeypatch.delenv(f"ROLLCALL_{name}", raising=False)
    monkeypatch.setenv("ROLLCALL_PROVIDERS", json.dumps(PROVIDERS))


def targets_of(settings: ProviderSettings, address: str, category: Category) -> tuple[Target, ...]:
    return build_routes(settings.route_entries).table(Channel.SMS, "t", category, Route(())).route_of(address).targets


def test_plain_names_follow_each_other_and_tables_share_by_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = [{"name": "a", "weight": 7}, {"name": "b", "weight": 3}]
    monkeypatch.setenv("ROLLCALL_ROUTES", json.dumps([CODES, {"channel": "sms", "providers": shared}]))
    settings = load(ProviderSettings)
    assert targets_of(settings, "+8613800138000", Category.TRANSACTIONAL) == (Target("b", 0), Target("a", 1))
    assert targets_of(settings, "+4930123456", Category.TRANSACTIONAL) == (Target("a", 0, 7), Target("b", 0, 3))


def test_routes_are_read_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "routes.toml"
    file.write_text('[[route]]\nchannel = "sms"\ntenant = "t"\nproviders = ["b"]\n')
    monkeypatch.setenv("ROLLCALL_ROUTES_FILE", str(file))
    assert targets_of(load(ProviderSettings), "+4930123456", Category.MARKETING) == (Target("b"),)


@pytest.mark.parametrize(
    ("routes", "lines"),
    [
        (
            [{**CODES, "providers": ["a", "c", "post"]}],
            ["route 1: there is no provider c of sms", "route 1: there is no provider post of sms"],
        ),
        (
            [{**CODES, "prefix": "86"}, {**CODES, "weight": 1, "providers": []}],
            [
                "route 1: prefix: must be the beginning of a number, such as +86",
                "route 2: providers: value should have at least 1 item",
                "route 2: weight: extra inputs are not permitted",
            ],
        ),
        (
            [{"channel": "email", "prefix": "Example.org", "providers": ["post"]}],
            ["route 1: prefix: must be a domain in small letters, such as example.org"],
        ),
        (
            [{"channel": "sms", "providers": [{"name": "a b", "weight": 0}, {"prioritty": 1}]}],
            [
                "route 1: providers[0].name: must have 1 to 64 letters, digits and . _ -",
                "route 1: providers[0].weight: input should be greater than or equal to 1",
                "route 1: providers[1].prioritty: extra inputs are not permitted",
            ],
        ),
        ([CODES, {**CODES, "providers": ["a"]}], ["route 2: has the same conditions as an earlier one"]),
        ({"channel": "sms"}, ["must be a list of at most 1,000 routes"]),
    ],
)
def test_all_problems_are_named_at_once(monkeypatch: pytest.MonkeyPatch, routes: Any, lines: list[str]) -> None:
    monkeypatch.setenv("ROLLCALL_ROUTES", json.dumps(routes))
    with pytest.raises(SettingsError) as error:
        load(ProviderSettings)
    shown = str(error.value)
    assert "ROLLCALL_ROUTES" in shown
    assert [line for line in lines if line not in shown] == [], shown


def test_a_list_and_a_file_are_refused_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "routes.toml"
    file.write_text('[[route]]\nchannel = "sms"\nproviders = ["b"]\n')
    monkeypatch.setenv("ROLLCALL_ROUTES", json.dumps([CODES]))
    monkeypatch.setenv("ROLLCALL_ROUTES_FILE", str(file))
    with pytest.raises(SettingsError, match="at most one of ROLLCALL_ROUTES and ROLLCALL_ROUTES_FILE"):
        load(ProviderSettings)
