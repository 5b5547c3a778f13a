"""Providers that take no free text: the mapping of the template, and the turn of a provider without one."""

from collections import Counter
from dataclasses import replace

import pytest

from consumer.context import ConsumerContext
from core.ids import request_key
from core.send_result import Retry, SendResult, Sent
from core.vendor_template import VendorTemplate
from schemas.statuses import Reason
from tests.flow.world import LEASE_SECONDS, Killed, RecordingProvider, Steps, World

NUMBERS = [f"138000000{n:02d}" for n in range(9)]
OLD, NEW = VendorTemplate("SMS_1", "云通信", ("code", "name")), VendorTemplate("SMS_2", "云通信", ("name",))
UNAVAILABLE = Retry(Reason.UNAVAILABLE)


def vendor(name: str = "vendor") -> RecordingProvider:
    return RecordingProvider(name, needs_vendor_template=True)


async def put(world: World, **vendor_templates: VendorTemplate) -> None:
    await world.ledger.templates.put(
        "t1", "verify", "{{name}}: {{code}}", None, secret_variables=["code"], vendor_templates=vendor_templates
    )


async def expand(world: World, *recipients: object, context: ConsumerContext | None = None, **body: object) -> None:
    fields = {"template": "verify", "variables": {"name": "you", "code": "75319"}, **body}
    await world.expand(world.record(*(recipients or NUMBERS), **fields), context)


async def test_a_message_carries_the_mapping_with_its_secret_parameters() -> None:
    book = vendor()
    world = World(book)
    await put(world, vendor=OLD, another=NEW)
    await expand(world, {"to": NUMBERS[0], "variables": {"code": "864209"}}, NUMBERS[1])
    await world.deliver_all()

    by_number = {message.to[-2:]: message for message in book.texts.values()}
    assert by_number["00"].vendor_templates == {"vendor": OLD, "another": NEW}
    assert by_number["00"].parameters(OLD) == (("code", "864209"), ("name", "you"))
    assert by_number["01"].parameters(OLD) == (("code", "75319"), ("name", "you"))
    assert "864209" not in repr(world.bus.events) + repr(await world.logs())


async def test_a_part_that_is_expanded_after_an_update_has_the_mapping_of_the_first_one() -> None:
    book = vendor()
    world = World(book)
    await put(world, vendor=OLD)
    await expand(world, NUMBERS[0], part=0, last=False)
    await put(world, vendor=NEW)
    await expand(world, NUMBERS[1], part=1)
    await world.deliver_all()

    assert [message.vendor_templates for message in book.texts.values()] == [{"vendor": OLD}] * 2


@pytest.mark.parametrize("recipients", [NUMBERS[:2], NUMBERS], ids=["one document", "several chunks"])
async def test_a_second_expansion_after_an_update_changes_nothing(recipients: list[str]) -> None:
    """The first expansion is killed after each of its steps in turn."""
    stored = []
    for killed_at in range(20):
        book = vendor()
        world = World(book)
        await put(world, vendor=OLD)
        if not await world.run_until_killed(expand(world, *recipients, context=world.context(Steps(killed_at)))):
            break
        begun = await world.ledger.requests.get(request_key("t1", "r1")) is not None
        await put(world, vendor=NEW)
        await expand(world, *recipients)
        await world.settle()

        expected = OLD if begun else NEW
        assert {message.vendor_templates["vendor"] for message in book.texts.values()} == {expected}, killed_at
        assert await world.outcomes() == [("sent", None)] * len(recipients)
        stored.append(begun)
    assert set(stored) == {False, True}


@pytest.mark.parametrize("on_uncertain", ["mark_unknown", "resend"])
@pytest.mark.parametrize("recipients", [NUMBERS[:2], NUMBERS], ids=["one document", "several chunks"])
async def test_without_a_mapping_all_deliveries_end_at_once_and_no_provider_is_called(
    recipients: list[str], on_uncertain: str
) -> None:
    providers = vendor(), vendor("other")
    world = World(*providers)
    await put(world, third=OLD)
    await expand(world, *recipients, on_uncertain=on_uncertain)
    await world.deliver_all()

    logs = await world.logs()
    assert [(log.outcome, log.reason, log.provider, log.attempts) for log in logs] == [
        ("failed", "template_not_mapped", None, 0)
    ] * len(recipients)
    (completed,) = world.events("request.completed")
    assert completed["by_reason"] == {"template_not_mapped": len(recipients)}
    assert not any(provider.calls for provider in providers)


async def test_a_request_with_free_text_is_not_mapped_either() -> None:
    world = World(vendor())
    await world.expand(world.record(NUMBERS[0]))
    await world.deliver_all()

    assert await world.outcomes() == [("failed", "template_not_mapped")]


@pytest.mark.parametrize(("mapping", "expected"), [({}, "free"), ({"mapped": OLD}, "mapped")])
async def test_a_provider_without_a_mapping_is_passed_over_and_one_with_a_mapping_has_its_turn(
    mapping: dict[str, VendorTemplate], expected: str
) -> None:
    first = vendor()
    world = World(first, vendor("mapped"), RecordingProvider("free"))
    await put(world, **mapping)
    await expand(world)
    await world.deliver_all()

    assert [(log.outcome, log.provider, log.attempts) for log in await world.logs()] == [("sent", expected, 1)] * 9
    assert not first.calls


async def test_each_attempt_asks_all_providers_that_can_take_the_request() -> None:
    asked: list[str] = []

    def refusing(name: str) -> RecordingProvider:
        def answer(*_: object) -> SendResult:
            asked.append(name)
            return UNAVAILABLE

        return RecordingProvider(name, answers=answer)

    world = World(refusing("a"), vendor(), refusing("b"))
    world.limits = replace(world.limits, retry=replace(world.limits.retry, max_attempts=2))
    await put(world)
    await expand(world, NUMBERS[0])
    await world.settle()

    assert asked == ["a", "b"] * 2
    assert await world.outcomes() == [("failed", "gave_up")]


@pytest.mark.parametrize(
    ("on_uncertain", "deduplicates", "possible"),
    [
        ("mark_unknown", False, {"sent", "unknown"}),
        ("mark_unknown", True, {"sent", "unknown"}),
        ("resend", True, {"sent"}),
    ],
)
async def test_a_crash_at_any_step_of_a_passed_over_turn_sends_nothing_twice(
    on_uncertain: str,
    deduplicates: bool,  # noqa: FBT001
    possible: set[str],
) -> None:
    killed_at = 0
    while True:
        first, *others = vendor(), RecordingProvider("free", deduplicates=deduplicates), RecordingProvider("other")
        world = World(first, *others)
        await put(world)
        await expand(world, *NUMBERS[:5], on_uncertain=on_uncertain)
        died = await world.run_until_killed(world.deliver_all(world.context(Steps(killed_at))))
        await world.settle()

        assert {outcome for outcome, _ in await world.outcomes()} <= possible, killed_at
        assert len(await world.logs()) == 5
        assert max(sum((other.taken for other in others), Counter()).values()) == 1, killed_at
        assert not first.calls
        if not died:
            break
        killed_at += 1
    assert killed_at > 10


@pytest.mark.parametrize(
    ("on_uncertain", "deduplicates", "others", "expected"),
    [
        ("mark_unknown", True, (), ("unknown", "book", 1)),
        ("mark_unknown", True, ("other",), ("unknown", "book", 1)),
        ("resend", False, (), ("unknown", "book", 1)),
        ("resend", False, ("other",), ("sent", "other", 2)),
    ],
)
async def test_what_may_have_been_sent_is_not_failed_if_its_provider_needs_a_mapping_after_a_restart(
    on_uncertain: str,
    deduplicates: bool,  # noqa: FBT001
    others: tuple[str, ...],
    expected: tuple[str, str, int],
) -> None:
    def deadly(*_: object) -> SendResult:
        raise Killed

    first = RecordingProvider(answers=deadly, deduplicates=deduplicates)
    world = World(first, *map(RecordingProvider, others))
    await world.expand(world.record(NUMBERS[0], on_uncertain=on_uncertain))
    assert await world.run_until_killed(world.deliver_all())
    first.needs_vendor_template, first.answers = True, lambda *_: Sent()
    world.pass_time(LEASE_SECONDS + 61)
    await world.deliver_all()

    assert [(log.outcome, log.provider, log.attempts) for log in await world.logs()] == [expected]
    assert not first.taken
