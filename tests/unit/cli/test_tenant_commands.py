"""`rollcall tenant`: what is stored, what is shown, and what is refused."""

import io
import json
from datetime import UTC, datetime

import pytest

from cli.console import PrintableConsole
from cli.errors import CommandError, UsageError
from cli.tenants.manage import parse_change, show, store
from ledger.memory import MemoryLedger
from ledger.tenant_port import StoredTenant
from schemas.tenant_settings import ChannelLimits, MarketingPolicy, TenantLimits, TenantSettings, setting_types
from tests.support.cli_runner import run_rollcall

BOUNDS = TenantLimits(sms=ChannelLimits(max_per_min=600))
NAMES = [f"limits.{channel}.max_per_{period}" for channel in ("sms", "email") for period in ("min", "hour", "day")]
OTHERS = {
    "marketing.require_opt_out": bool,
    "marketing.postal_address": str,
    "send_window.transactional": str,
    "send_window.marketing": str,
    "default_timezone": str,
    "caps.transactional.per_day": int,
    "caps.transactional.per_week": int,
    "caps.marketing.per_day": int,
    "caps.marketing.per_week": int,
    "consent_required.transactional": bool,
    "consent_required.marketing": bool,
}


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger(lambda: datetime(2026, 1, 2, tzinfo=UTC))


async def stored(ledger: MemoryLedger, *assignments: str) -> StoredTenant:
    await store(ledger, "tnt_a", [parse_change(each) for each in assignments], BOUNDS)
    return await ledger.tenants.get("tnt_a")


async def shown(ledger: MemoryLedger, *, as_json: bool = False) -> str:
    page = io.StringIO()
    await show(ledger, PrintableConsole(file=page, width=200), "tnt_a", BOUNDS, as_json=as_json)
    return page.getvalue()


def test_the_names_and_types_of_the_settings() -> None:
    assert dict(setting_types()) == {**dict.fromkeys(NAMES, int), **OTHERS}


async def test_rules_for_marketing_are_stored_shown_and_removed(ledger: MemoryLedger) -> None:
    address = "Example Ltd, 1 Main St, Oslo"
    given = await stored(ledger, "marketing.require_opt_out=true", f"marketing.postal_address= {address} ")

    assert given.settings.marketing == MarketingPolicy(require_opt_out=True, postal_address=address)
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in (await shown(ledger)).splitlines()}
    assert lines["marketing.require_opt_out"] == "true none true"
    assert lines["marketing.postal_address"] == f"{address} none {address}"
    removed = await stored(ledger, "marketing.require_opt_out=none", "marketing.postal_address=none")
    assert removed.settings == TenantSettings()


async def test_a_change_keeps_the_other_settings(ledger: MemoryLedger) -> None:
    await stored(ledger, "limits.sms.max_per_min=60", "limits.sms.max_per_day=1000")
    limits = (await stored(ledger, "limits.sms.max_per_day=none", "limits.email.max_per_hour=5")).settings.limits

    assert limits == TenantLimits(sms=ChannelLimits(max_per_min=60), email=ChannelLimits(max_per_hour=5))


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("limits.sms.max_per_week=5", "limits.sms.max_per_week: is not a setting. The settings are limits.sms.max_per"),
        ("limits.sms.max_per_day", "limits.sms.max_per_day: must be a whole number from 1 to 1,000,000,000, or none"),
        ("limits.sms.max_per_day=x", "limits.sms.max_per_day: must be a whole number from 1 to 1,000,000,000, or none"),
        ("send_window.marketing=9-20", "send_window.marketing: must be two different times of the day, such as 09:00"),
        ("caps.marketing.per_day=x", "caps.marketing.per_day: must be a whole number from 1 to 100, or none"),
        ("caps.marketing.per_week=101", "caps.marketing.per_week: input should be less than or equal to 100"),
        ("consent_required.marketing=maybe", "consent_required.marketing: must be true or false, or none"),
        ("default_timezone=Mars/Base", "default_timezone: must be the name of a time zone in the IANA database"),
        ("limits.sms.max_per_day=-1", "limits.sms.max_per_day: must be a whole number"),
        ("limits.sms.max_per_day=1.5", "limits.sms.max_per_day: must be a whole number"),
        ("limits.sms.max_per_day=0", "limits.sms.max_per_day: input should be greater than or equal to 1"),
        ("marketing.require_opt_out=yes", "marketing.require_opt_out: must be true or false, or none"),
        ("marketing.postal_address", "marketing.postal_address: must be a text, or none"),
        ("marketing.postal_address= ", "marketing.postal_address: "),
        (f"marketing.postal_address={'x' * 301}", "marketing.postal_address: .* at most 300"),
        ("limits.email.max_per_hour=9999999999", "limits.email.max_per_hour: input should be less than or equal to"),
    ],
)
async def test_a_wrong_value_is_refused_with_its_field(ledger: MemoryLedger, assignment: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        await stored(ledger, assignment)
    assert (await ledger.tenants.get("tnt_a")).version == 0


async def test_a_limit_above_the_bound_of_the_operator_is_refused(ledger: MemoryLedger) -> None:
    assert (await stored(ledger, "limits.sms.max_per_min=600")).version == 1

    with pytest.raises(UsageError, match=r"limits.sms.max_per_min: must be at most 600, .*TENANT_SMS_MAX_PER_MIN"):
        await stored(ledger, "limits.sms.max_per_min=601")


async def test_a_change_meanwhile_is_not_overwritten(ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await ledger.tenants.get("tnt_a")
    await ledger.tenants.put("tnt_a", TenantSettings(), 0)

    async def stale(_tenant_id: str) -> StoredTenant:
        return before

    monkeypatch.setattr(ledger.tenants, "get", stale)
    with pytest.raises(CommandError, match="were changed meanwhile"):
        await stored(ledger, "limits.sms.max_per_min=60")


async def test_the_table_has_the_limit_the_bound_and_what_is_in_effect(ledger: MemoryLedger) -> None:
    assert [line.split()[1:] for line in (await shown(ledger)).splitlines()[1:3]] == [
        ["none", "600", "600"],
        ["none", "none", "none"],
    ]
    await stored(ledger, "limits.sms.max_per_min=60", "limits.sms.max_per_hour=1000")
    assert [line.split() for line in (await shown(ledger)).splitlines()[1:3]] == [
        [NAMES[0], "60", "600", "60"],
        [NAMES[1], "1,000", "none", "1,000"],
    ]


async def test_the_json_has_what_is_stored_and_what_is_in_effect(ledger: MemoryLedger) -> None:
    await stored(ledger, "limits.email.max_per_day=7")
    none = dict.fromkeys(("max_per_min", "max_per_hour", "max_per_day"))
    others = TenantSettings().model_dump(exclude={"limits"})

    assert json.loads(await shown(ledger, as_json=True)) == {
        "tenant_id": "tnt_a",
        "version": 1,
        "limits": {"sms": none, "email": none | {"max_per_day": 7}},
        **others,
        "in_effect": {
            "limits": {"sms": none | {"max_per_min": 600}, "email": none | {"max_per_day": 7}},
            **others,
        },
    }


@pytest.mark.parametrize("command", [["show", "a b"], ["set", "", "limits.sms.max_per_min=5"]])
def test_an_id_that_no_request_can_have_is_a_usage_error(command: list[str]) -> None:
    result = run_rollcall("tenant", *command)
    assert result.exit_code == 2
    assert "TENANT: must have 1 to 64 letters" in result.output
