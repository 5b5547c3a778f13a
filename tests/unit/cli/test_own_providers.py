"""`rollcall providers` for a tenant: what is listed without secrets, and what is checked."""

import io
import json
from datetime import UTC, datetime

import pytest

from cli.admin.list_providers import list_reported
from cli.console import PrintableConsole
from cli.tenants.own_providers import check_providers, list_providers, read_own
from ledger.memory import MemoryLedger
from ledger.provider_configs import seal_config
from ledger.provider_states import ProviderState
from ledger.sealing import Sealer
from ledger.tenant_port import StoredProvider
from providers.network import Network
from schemas.statuses import Channel
from tests.support.cli_runner import lines_with_single_spaces

AT = datetime(2026, 1, 2, tzinfo=UTC)
SEALER, LOST = Sealer([("k1", bytes(32))]), Sealer([("k0", b"0" * 32)])
SECRET = "Very-Secret-58"
GATEWAY = {"kind": "http", "url": "https://127.0.0.1:9/", "bearer_token": SECRET}


def a_provider(number: int, name: str, config: object, sealer: Sealer = SEALER) -> StoredProvider:
    sealed = seal_config(json.dumps(config), "tnt_a", f"prv_{number}", sealer)
    return StoredProvider(f"prv_{number}", name, Channel.SMS, number, number != 2, 1, sealed, AT, AT)


@pytest.fixture
async def ledger() -> MemoryLedger:
    ledger = MemoryLedger(lambda: AT)
    providers = (
        a_provider(3, "lost", GATEWAY, LOST),
        a_provider(2, "vonage", {"sender": "Shop", "api_key": SECRET, "api_secret": SECRET}),
        a_provider(1, "gateway", GATEWAY),
        a_provider(4, "newer", {"kind": SECRET, "key": SECRET}),
    )
    await ledger.tenants.put_providers("tnt_a", providers, 0)
    failing = ProviderState("gateway@prv_1.1", Channel.SMS, "HTTP 503", ("tnt_a",))
    await ledger.provider_states.report("consumer", [failing])
    return ledger


async def listed(ledger: MemoryLedger, tenant: str = "tnt_a", *, as_json: bool = False) -> str:
    page = io.StringIO()
    await list_providers(ledger, SEALER, PrintableConsole(file=page, width=250), tenant, as_json=as_json)
    assert SECRET not in page.getvalue()
    return page.getvalue()


async def test_the_list_has_a_row_for_each_with_its_problem(ledger: MemoryLedger) -> None:
    lines = lines_with_single_spaces(await listed(ledger))

    assert lines[:4] == [
        "id name kind channel priority active problem",
        "prv_1 gateway http sms 1 yes HTTP 503",
        "prv_2 vonage vonage sms 2 no",
        "prv_3 lost ? sms 3 yes no sealing key 'k0'",
    ]
    assert lines[4].startswith("prv_4 newer ? sms 4 yes config.kind: must be one of http")
    assert await listed(ledger, "tnt_b") == "tenant tnt_b has no providers of its own\n"


async def test_the_json_has_the_configurations_without_their_secrets(ledger: MemoryLedger) -> None:
    document = json.loads(await listed(ledger, as_json=True))

    first, second, lost, newer = document["providers"]
    assert (document["tenant_id"], first["reference"], first["problem"]) == ("tnt_a", "gateway@prv_1.1", "HTTP 503")
    assert first["config"] == {**GATEWAY, "bearer_token": "***"}
    assert second["config"] == {"sender": "Shop", "api_key": "***", "api_secret": "***"}
    assert (lost["config"], newer["config"]) == (None, {"kind": "***", "key": "***"})


async def test_each_is_checked_as_a_consumer_would_and_the_operator_learns_why_it_fails(ledger: MemoryLedger) -> None:
    page = io.StringIO()
    own = [each for each in await read_own(ledger, SEALER, "tnt_a") if each.kind != "vonage"]

    failures = await check_providers(own, Network(), PrintableConsole(file=page, width=250))

    lines = lines_with_single_spaces(page.getvalue())
    assert failures == 3
    assert lines[1] == (
        "sms gateway connecting: no connection, because the host has no address that is public or in "
        "ROLLCALL_TENANT_NETWORKS"
    )
    assert lines[2] == "sms lost no sealing key 'k0'"
    assert SECRET not in page.getvalue()


async def test_what_consumers_report_is_listed_with_the_tenants_that_it_serves(ledger: MemoryLedger) -> None:
    await ledger.provider_states.report("other", [ProviderState("sim", Channel.EMAIL)])
    await ledger.provider_states.report("third", [ProviderState("sim", Channel.EMAIL)])
    page, document = io.StringIO(), io.StringIO()

    await list_reported(ledger, PrintableConsole(file=page, width=250), as_json=False)
    await list_reported(ledger, PrintableConsole(file=document, width=250), as_json=True)

    assert lines_with_single_spaces(page.getvalue()) == [
        "channel provider tenants state consumers",
        "sms gateway@prv_1.1 tnt_a HTTP 503 1",
        "email sim all ok 2",
    ]
    assert json.loads(document.getvalue())["providers"][0] == {
        "name": "gateway@prv_1.1",
        "channel": "sms",
        "problem": "HTTP 503",
        "tenants": ["tnt_a"],
        "has_unsubscribe_uri": None,
        "consumers": 1,
    }
