"""A tenant's own providers serve it alone, and nothing else serves it while it has some."""

import asyncio
from dataclasses import replace

import pytest

from consumer.flow_control.tenant_cache import LONGEST_READ_SECONDS, MAX_AGE_SECONDS
from consumer.sweep.provider_reports import states_of
from consumer.sweep.tenant_provider_upkeep import CHECK_SECONDS, check_tenant_providers
from consumer.tenants.tenant_providers import IDLE_SECONDS
from core.routes import Route, RouteRule, Routes, Target
from core.send_result import Retry, SendResult
from core.vendor_template import VendorTemplate
from ledger.errors import LedgerRefused, LedgerUnavailable
from ledger.memory.tenant_store import MemoryTenants
from ledger.provider_states import ProviderState
from ledger.sealing import Sealer
from schemas.statuses import Channel, Reason
from tests.flow.consumer.own_providers import OneConnection, Tenant, gateway
from tests.flow.world import RecordingProvider, World, awake

NUMBERS = [f"138000000{n:02d}" for n in range(6)]
UNAVAILABLE = Retry(Reason.UNAVAILABLE, "HTTP 503")


async def used(world: World, request_id: str = "r1", tenant_id: str = "t1") -> list[str | None]:
    return [log.provider for log in await world.logs(request_id, tenant_id)]


@pytest.mark.parametrize("recipients", [NUMBERS[:1], NUMBERS], ids=["one document", "several chunks"])
async def test_an_own_provider_serves_its_tenant_and_no_other_one(recipients: list[str]) -> None:
    world = World()
    reference = await Tenant(world).put("mine", "own")
    world.routes = Routes([RouteRule(Channel.SMS, Route((Target("book"),)))])
    await world.expand(world.record(*recipients))
    await world.expand(world.record(*recipients, tenant_id="t2", request_id="r2"))
    await world.deliver_all()

    assert await used(world) == [reference] * len(recipients)
    assert await used(world, "r2", "t2") == ["book"] * len(recipients)
    assert world.own["own"].taken.total() == len(recipients) == world.providers[0].taken.total()


async def test_another_channel_of_the_tenant_keeps_the_providers_of_the_installation() -> None:
    world = World()
    await Tenant(world).put("mine", "own")
    await world.expand(world.record("a@example.com", channel="email", subject="s"))
    await world.deliver_all()
    assert await used(world) == ["post"]


async def test_the_lowest_priority_number_goes_first_and_a_refusal_goes_to_the_next_one_without_an_attempt() -> None:
    world = World()
    tenant = Tenant(world)
    gateway(world, "down", lambda *_: UNAVAILABLE)
    second = await tenant.put("second", "up", priority=20)
    await tenant.put("first", "down", priority=10)
    await world.expand(world.record(NUMBERS[0]))
    await world.deliver_all()

    assert [(log.provider, log.attempts) for log in await world.logs()] == [(second, 1)]
    assert world.own["down"].calls.total() == 1
    assert not world.providers[0].calls


async def test_a_tenant_without_an_active_entry_has_the_providers_of_the_installation() -> None:
    world = World()
    tenant = Tenant(world)
    await tenant.put("mine", "own")
    await tenant.set_active("mine", active=False)
    await world.expand(world.record(*NUMBERS))
    await world.deliver_all()
    assert await used(world) == ["book"] * len(NUMBERS)


async def test_a_request_names_one_of_the_own_providers_by_its_bare_name() -> None:
    world = World()
    tenant = Tenant(world)
    await tenant.put("first", "a", priority=1)
    second = await tenant.put("second", "b", priority=2)
    await world.expand(world.record(NUMBERS[0], provider="second"))
    await world.expand(world.record(NUMBERS[0], provider="book", request_id="r2"))
    await world.deliver_all()

    assert await used(world) == [second]
    (rejected,) = world.events("request.rejected")
    assert (rejected["request_id"], rejected["reason"], rejected["fields"]) == ("r2", "unknown_provider", ["provider"])


async def test_a_named_provider_that_is_deleted_is_waited_for_and_no_other_one_is_asked() -> None:
    world = World()
    tenant = Tenant(world)
    await tenant.put("first", "a")
    await tenant.put("second", "b")
    await world.expand(world.record(NUMBERS[0], provider="second"))
    await tenant.delete("second")
    await world.deliver_all()
    assert not await world.logs()
    assert not any(each.calls for each in (*world.own.values(), *world.providers))

    await tenant.put("second", "c")
    world.pass_time(100)
    await world.deliver_all()
    assert world.own["c"].taken.total() == 1


async def test_the_mapping_of_a_template_is_found_by_the_bare_name() -> None:
    world = World()
    tenant = Tenant(world)
    gateway(world, "vendor").needs_vendor_template = True
    reference = await tenant.put("mine", "vendor")
    for code, mapped in (("a", "mine"), ("b", "other")):
        mapping = {mapped: VendorTemplate("SMS_1", "sign", ())}
        await world.ledger.templates.put("t1", code, "hello", None, vendor_templates=mapping)
        await world.expand(world.record(NUMBERS[0], content=..., template=code, request_id=code))
    await world.deliver_all()

    assert await used(world, "a") == [reference]
    assert await world.outcomes("b") == [("failed", "template_not_mapped")]


@pytest.mark.parametrize("others", [0, 1])
async def test_a_provider_whose_key_is_missing_is_left_out_and_never_replaced_by_one_of_the_installation(
    others: int, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World()
    tenant = Tenant(world)
    locked = await tenant.put("locked", "a", priority=1, sealer=Sealer([("lost", bytes(32))]))
    for number in range(others):
        await tenant.put(f"other{number}", "b", priority=2)
    await world.expand(world.record(*NUMBERS))
    await world.deliver_all()

    assert len(await world.logs()) == len(NUMBERS) * others
    assert not world.providers[0].calls
    assert not world.own["a"].calls
    assert locked in capsys.readouterr().out

    await tenant.put("locked", "a", priority=1)
    world.pass_time(100)
    await world.deliver_all()
    assert [log.attempts for log in await world.logs()] == [1] * len(NUMBERS)


async def test_deliveries_wait_while_the_document_of_their_tenant_is_not_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> object:
        raise LedgerRefused("not valid")

    world = World()
    with monkeypatch.context() as patch:
        patch.setattr(MemoryTenants, "get", refuse)
        await world.expand(world.record(*NUMBERS, provider="any"))
        await world.expand(world.record(*NUMBERS, request_id="r2"))
        await world.deliver_all()
    assert not world.providers[0].calls
    assert not world.events("request.rejected")

    world.pass_time(100)
    await world.deliver_all()
    assert await used(world, "r2") == ["book"] * len(NUMBERS)
    assert not await world.logs()


async def test_a_chunk_is_begun_only_when_the_providers_of_its_tenant_could_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    reference = await Tenant(world).put("mine", "own")
    await world.expand(world.record(NUMBERS[0]))
    get, failures = MemoryTenants.get, iter([True, True])

    async def fail_twice(store: MemoryTenants, tenant_id: str) -> object:
        if next(failures, False):
            raise LedgerUnavailable("away")
        return await get(store, tenant_id)

    monkeypatch.setattr(MemoryTenants, "get", fail_twice)
    await world.deliver_all(awake(world.context()))
    assert await used(world) == [reference]


def test_a_change_is_in_use_within_ten_seconds() -> None:
    """The test below shows that a change is in use as soon as the settings were read again."""
    assert MAX_AGE_SECONDS + LONGEST_READ_SECONDS + CHECK_SECONDS < 10


async def test_a_later_window_of_a_chunk_has_the_changed_provider() -> None:
    world = World()
    world.limits = replace(world.limits, chunk_size=6, window_size=2)
    tenant, changes = Tenant(world), iter(["second", "third"])

    async def change() -> None:
        if (name := next(changes, None)) is not None:
            references.append(await tenant.put("mine", name))
            world.pass_time(MAX_AGE_SECONDS)

    async def send(provider: RecordingProvider, drafts: object) -> list[SendResult]:
        results = await send_as_before(provider, drafts)
        if provider.calls.total() == 2:
            await change()
        return results

    send_as_before = RecordingProvider.send
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RecordingProvider, "send", send)
        references = [await tenant.put("mine", "first")]
        await world.expand(world.record(*NUMBERS))
        await world.deliver_all()

    assert await used(world) == [reference for reference in references for _ in range(2)]
    assert [log.attempts for log in await world.logs()] == [1] * 6


async def test_deliveries_that_wait_for_a_deleted_provider_go_to_another_one_and_it_is_closed_after_its_last_call() -> (
    None
):
    world = World()
    tenant, context = Tenant(world), world.context()
    busy = world.own["busy"] = OneConnection("busy")
    own = await tenant.put("mine", "busy", priority=1)
    other = await tenant.put("other", "free", priority=2)
    await world.expand(world.record(*NUMBERS[:2]))
    delivering = asyncio.create_task(world.deliver_all(context))
    await busy.began.wait()
    await tenant.delete("mine")
    world.pass_time(MAX_AGE_SECONDS)
    await check_tenant_providers(context)
    assert (busy.is_stopped, busy.is_closed) == (True, False)

    busy.go_on.set()
    await delivering
    await check_tenant_providers(context)
    assert [(log.outcome, log.provider, log.attempts) for log in await world.logs()] == [
        ("sent", own, 1),
        ("sent", other, 1),
    ]
    assert busy.is_closed
    assert not world.providers[0].calls


async def test_a_provider_that_is_not_used_is_closed_and_its_failures_are_forgotten() -> None:
    world = World()
    gateway(world, "own", lambda *_: UNAVAILABLE)
    reference = await Tenant(world).put("mine", "own")
    await world.expand(world.record(*NUMBERS))
    context = world.context()
    await world.deliver_all(context)
    await check_tenant_providers(context)
    assert context.provider_caller.problem_of(reference) == "HTTP 503"

    world.pass_time(IDLE_SECONDS)
    await check_tenant_providers(context)
    assert context.tenant_providers.references() == set()
    assert context.provider_caller.problem_of(reference) is None


async def test_own_providers_are_reported_while_they_fail() -> None:
    world = World()
    tenant = Tenant(world)
    gateway(world, "down", lambda *_: UNAVAILABLE)
    failing = await tenant.put("failing", "down", priority=1)
    await tenant.put("working", "up", priority=2)
    context = world.context()
    assert [state.name for state in states_of(context)] == ["book", "post"]

    await world.expand(world.record(*NUMBERS))
    await world.deliver_all(context)
    assert states_of(context)[2:] == [ProviderState(failing, Channel.SMS, "HTTP 503", ("t1",))]
    assert failing in str(context.readiness.warnings()["providers"] or context.provider_caller.watch.problem())
    exposed = str(list(context.metrics.registry.collect()))
    assert "(tenant)" in exposed
    assert "@" not in exposed


async def test_a_provider_that_is_built_while_the_process_stops_takes_no_message() -> None:
    world = World()
    world.own["own"] = late = OneConnection("own")
    await Tenant(world).put("mine", "own")
    (stored,) = (await world.ledger.tenants.get("t1")).providers
    own = world.context().tenant_providers
    own.stop(1.0)
    assert own.get("t1", stored) is not None
    await own.aclose()
    assert (late.is_stopped, late.is_closed) == (True, True)


async def test_the_rate_of_an_own_provider_counts_in_all_processes_while_it_is_in_use() -> None:
    world = World()
    reference = await Tenant(world).put("mine", "own", rate_per_second=2)
    (stored,) = (await world.ledger.tenants.get("t1")).providers
    context = world.context()
    assert context.tenant_providers.get("t1", stored) is not None
    assert context.shared_limits.cap(reference) is not None

    world.pass_time(IDLE_SECONDS)
    await check_tenant_providers(context)
    assert context.shared_limits.cap(reference) is None


async def test_a_provider_that_is_newer_than_what_is_known_of_its_tenant_is_found_by_its_name() -> None:
    """The HTTP service or another consumer has accepted the request with what it knows."""
    world = World()
    tenant = Tenant(world)
    expanding, delivering = world.context(), world.context()
    for context in (expanding, delivering):
        await context.load_tenant("t1")
    reference = await tenant.put("mine", "own")
    await world.expand(world.record(NUMBERS[0], provider="mine"), expanding)
    await world.deliver_all(delivering)
    assert await used(world) == [reference]


async def test_a_missing_mapping_ends_no_delivery_before_the_tenant_is_read_again() -> None:
    world = World()
    tenant = Tenant(world)
    world.own["vendor"] = RecordingProvider("vendor")
    world.own["vendor"].needs_vendor_template = True
    await tenant.put("mine", "vendor")
    await world.ledger.templates.put("t1", "code", "hello", None)
    stale = world.context()
    await world.expand(world.record(NUMBERS[0], content=..., template="code"), stale)
    reference = await tenant.put("mine", "own")
    await world.deliver_all(stale)
    await world.settle()
    assert (await world.outcomes(), await used(world)) == ([("sent", None)], [reference])
