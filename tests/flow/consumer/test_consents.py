"""Consents that a tenant asks for: at the expansion and at each window."""

import asyncio
from datetime import timedelta

import pytest

from consumer.flow_control.tenant_cache import MAX_AGE_SECONDS
from core.consents import GivenConsent
from core.send_result import Message, SendResult, Sent, Uncertain
from ledger.consent_key import ConsentKey
from ledger.sealing import Sealer
from ledger.tenant_key import get_or_create_key, open_tenant_key
from schemas.statuses import Category, Channel, Reason, Status
from schemas.tenant_settings import RequiredConsent, TenantSettings
from tests.flow.consumer.suppressed import suppress
from tests.flow.world import RecordingProvider, Steps, World

NUMBERS = [f"138000000{n:02d}" for n in range(6)]
FULL = [f"+86{number}" for number in NUMBERS]
NO_CONSENT, SENT = ("suppressed", "no_consent"), ("sent", None)
READ = "consents.find_in_force"


async def a_world(provider: RecordingProvider | None = None, **required: bool) -> World:
    """Return a world whose tenant asks for consent, for marketing by default."""
    world = World(*([provider] if provider else []))
    settings = TenantSettings(consent_required=RequiredConsent(**required or {"marketing": True}))
    assert await world.ledger.tenants.put("t1", settings, 0)
    return world


async def key_of(world: World) -> ConsentKey:
    stored = await get_or_create_key(world.ledger.tenants, "t1", world.sealer, world.time)
    return ConsentKey(open_tenant_key(stored, "t1", world.sealer))


async def consent(
    world: World, *addresses: str, channel: Channel = Channel.SMS, category: Category = Category.MARKETING
) -> None:
    key, given = await key_of(world), GivenConsent(world.time, "web-form", "2026-01")
    await world.ledger.consents.record([(key.subject(channel, category, each), given) for each in addresses])


async def withdraw(world: World, address: str) -> None:
    key = await key_of(world)
    await world.ledger.consents.withdraw(key.subject(Channel.SMS, Category.MARKETING, address), world.time)


async def outcomes(
    world: World, *recipients: str, request_id: str = "r1", **fields: str
) -> list[tuple[str, str | None]]:
    await world.expand(world.record(*recipients, request_id=request_id, **{"category": "marketing", **fields}))
    await world.settle(2)
    return await world.outcomes(request_id)


async def test_an_address_without_a_consent_gets_nothing_and_the_event_says_why() -> None:
    world = await a_world()
    await consent(world, FULL[0], FULL[2])

    assert await outcomes(world, *NUMBERS[:3]) == [SENT, NO_CONSENT, SENT]
    (event,) = world.events("delivery.suppressed")
    assert event["reason"] == "no_consent"


async def test_without_any_consent_of_the_tenant_nobody_gets_a_message() -> None:
    assert await outcomes(await a_world(), *NUMBERS[:2]) == [NO_CONSENT] * 2


async def test_transactional_messages_need_none_unless_the_tenant_asks() -> None:
    world = await a_world()
    assert await outcomes(world, NUMBERS[0], category="transactional") == [SENT]

    world = await a_world(transactional=True)
    await consent(world, FULL[0])  # to marketing
    await consent(world, FULL[1], category=Category.TRANSACTIONAL)
    assert await outcomes(world, *NUMBERS[:2], category="transactional") == [NO_CONSENT, SENT]


async def test_mail_addresses_are_compared_without_their_case() -> None:
    world = await a_world()
    await consent(world, "Ann@example.com", channel=Channel.EMAIL)
    assert await outcomes(world, "ann@Example.com", channel="email", subject="Hi") == [SENT]


async def test_a_withdrawal_counts_from_the_next_window_on_and_a_new_consent_counts_again() -> None:
    world, pending = await a_world(), []
    await consent(world, *FULL)

    def answer(_message: Message, _calls: int) -> SendResult:
        if not pending:
            pending.append(asyncio.ensure_future(withdraw(world, FULL[2])))
        return Sent()

    world.providers[0].answers = answer
    world.pass_time(1)
    assert await outcomes(world, *NUMBERS[:4]) == [SENT, SENT, NO_CONSENT, SENT]

    await consent(world, FULL[2])
    assert await outcomes(world, NUMBERS[2], request_id="r2") == [SENT]


async def test_a_suppression_goes_before_a_missing_consent() -> None:
    world = await a_world()
    await suppress(world, FULL[0])
    assert await outcomes(world, *NUMBERS[:2]) == [("suppressed", "opted_out"), NO_CONSENT]


async def test_a_delivery_that_may_have_been_sent_ends_unknown() -> None:
    world = await a_world(RecordingProvider(answers=lambda *_: Uncertain(Reason.NO_ANSWER)))
    await consent(world, FULL[0])
    await world.expand(world.record(NUMBERS[0], category="marketing", on_uncertain="resend"))
    await world.deliver_all()
    await withdraw(world, FULL[0])
    await world.settle()

    (log,) = await world.logs()
    assert (log.status, log.error) == (Status.UNKNOWN, "must not be sent again: no_consent")


@pytest.mark.parametrize("is_asked", [True, False])
async def test_each_chunk_and_each_window_costs_one_query_and_none_if_no_consent_is_asked(*, is_asked: bool) -> None:
    world, steps = await a_world(marketing=is_asked), Steps()
    await consent(world, *FULL)
    await world.expand(world.record(*NUMBERS, category="marketing"), world.context(steps))
    await world.deliver_all(world.context(steps))

    assert steps.done.count(READ) == ((2 + 3) if is_asked else 0)  # chunks of 4, windows of 2
    assert await world.outcomes() == [SENT] * 6


async def test_a_change_of_the_setting_counts_from_the_next_window_on() -> None:
    world = await a_world(marketing=False)
    await world.expand(world.record(*NUMBERS[:2], category="marketing"))
    stored = await world.ledger.tenants.get("t1")
    settings = TenantSettings(consent_required=RequiredConsent(marketing=True))
    await world.ledger.tenants.put("t1", settings, stored.version)
    world.pass_time(MAX_AGE_SECONDS)
    await world.deliver_all()
    assert await world.outcomes() == [NO_CONSENT] * 2


async def test_without_the_sealing_key_of_the_tenants_key_nothing_is_sent_until_it_is_back() -> None:
    world = await a_world()
    await consent(world, FULL[0])
    keys = [("k2", b"2" * 32), ("k1", bytes(32))]
    world.sealer = Sealer(keys[:1])
    await world.expand(world.record(*NUMBERS[:2], category="marketing"))
    await world.deliver_all()
    assert await world.outcomes() == []

    world.sealer = Sealer(keys)
    world.time += timedelta(seconds=100)
    await world.deliver_all()
    assert await world.outcomes() == [SENT, NO_CONSENT]
