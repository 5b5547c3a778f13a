"""Unsubscribe links in the header and in the text of messages, from the request to the provider."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from core.send_result import Message, Retry, Sent
from ledger.sealing import Sealer
from ledger.tenant_key import open_tenant_key
from ledger.unsubscribe_links import Link, LinkKey, day_of
from providers.prices import PriceList, Prices
from schemas.statuses import Channel, Reason
from tests.flow.world import RecordingProvider, World

BASE = "https://mail.example.org"
MAIL: dict[str, Any] = {"channel": "email", "subject": "Hi", "content": "Hello", "category": "marketing"}
ANNA, BEN = "anna@example.com", "Ben@Example.com"


def a_world(*providers: RecordingProvider, public_url: str | None = BASE) -> World:
    world = World(*providers)
    world.limits = replace(world.limits, public_url=public_url)
    return world


async def send(world: World, *recipients: object, **fields: Any) -> list[Message]:
    """Send a request, and return the messages of all providers in the order of their ids."""
    await world.expand(world.record(*recipients, **fields))
    await world.settle(3)
    messages = {name: message for provider in world.providers for name, message in provider.texts.items()}
    return [messages[name] for name in sorted(messages)]


async def links(world: World, urls: Sequence[str | None]) -> list[Link | None]:
    """Return the content of links of the tenant."""
    stored = (await world.ledger.tenants.get("t1")).key
    assert stored is not None
    key = LinkKey(open_tenant_key(stored, "t1", world.sealer))
    prefix = f"{BASE}/communication/unsubscribe/"
    return [key.open(url.removeprefix(prefix)) if url else None for url in urls]


async def test_each_marketing_mail_has_a_link_of_its_own_for_its_recipient_and_list() -> None:
    world = a_world()
    anna, ben = await send(world, {"to": ANNA, "variables": {"locale": "pt-BR"}}, BEN, **MAIL, list="weekly")

    day = day_of(world.time)
    assert await links(world, [anna.unsubscribe_url, ben.unsubscribe_url]) == [
        Link(Channel.EMAIL, ANNA, "weekly", "pt", day, anna.id),
        Link(Channel.EMAIL, "Ben@example.com", "weekly", None, day, ben.id),
    ]
    assert "anna" not in str(anna.unsubscribe_url)


@pytest.mark.parametrize(
    ("public_url", "fields"),
    [
        (None, {}),
        (BASE, {"category": "transactional"}),
        (BASE, {"channel": "sms"}),
    ],
)
async def test_other_messages_have_no_link_and_create_no_key(public_url: str | None, fields: dict[str, str]) -> None:
    world = a_world(public_url=public_url)
    to = "13800138000" if "channel" in fields else ANNA
    (message,) = await send(world, to, **{**MAIL, **fields})

    assert message.unsubscribe_url is None
    assert (await world.ledger.tenants.get("t1")).key is None


@pytest.mark.parametrize("category", ["marketing", "transactional"])
async def test_the_link_is_in_the_text_of_a_mail_where_it_is_named(category: str) -> None:
    world = a_world()
    content = '<p>Hello {{name}}</p><a href="{{unsubscribe_url}}">out</a>'
    (mail,) = await send(
        world, {"to": ANNA, "variables": {"name": "Anna"}}, **{**MAIL, "content": content, "category": category}
    )

    link = mail.text.partition('href="')[2].partition('"')[0]
    assert mail.text == f'<p>Hello Anna</p><a href="{link}">out</a>'
    assert f"out ({link})" in mail.plain_text()
    assert mail.unsubscribe_url in {link, None}
    assert await links(world, [link]) == [Link(Channel.EMAIL, ANNA, None, None, day_of(world.time), mail.id)]


async def test_the_link_is_in_the_text_of_an_sms_and_counts_in_segments_and_price() -> None:
    world = a_world()
    world.prices = PriceList({"book": Prices.model_validate({"currency": "EUR", "by_prefix": {"": "0.01"}})})
    (sms,) = await send(world, "13800138000", content="Stop: {{unsubscribe_url}}", budget="5")

    link = sms.text.removeprefix("Stop: ")
    assert await links(world, [link]) == [Link(Channel.SMS, "+8613800138000", None, None, day_of(world.time), sms.id)]
    (log,) = await world.logs()
    assert (log.segments, log.cost) == (2, {"EUR": 20_000})


@pytest.mark.parametrize("given", ["request", "recipient"])
async def test_a_value_of_the_caller_goes_before_the_link(given: str) -> None:
    world, own = a_world(), {"unsubscribe_url": "https://own.example/"}
    recipient = {"to": ANNA, "variables": own} if given == "recipient" else ANNA
    shared = {"variables": own} if given == "request" else {}
    (mail,) = await send(world, recipient, **{**MAIL, "content": "{{unsubscribe_url}}"}, **shared)

    assert mail.text == "https://own.example/"
    assert str(mail.unsubscribe_url).startswith(BASE)


async def test_without_a_public_url_the_link_is_a_variable_like_any_other() -> None:
    world = a_world(public_url=None)
    await send(
        world, ANNA, {"to": BEN, "variables": {"unsubscribe_url": "u"}}, **MAIL | {"content": "{{unsubscribe_url}}"}
    )

    assert await world.outcomes() == [("failed", "missing_variable"), ("sent", None)]


async def test_a_subject_has_no_link() -> None:
    world = a_world()
    await send(world, ANNA, **MAIL | {"subject": "{{unsubscribe_url}}"})

    assert await world.outcomes() == [("failed", "missing_variable")]


async def test_a_second_attempt_on_the_same_day_has_the_same_link() -> None:
    seen: list[str | None] = []

    def answer(message: Message, calls: int) -> Any:
        seen.append(message.unsubscribe_url)
        return Sent() if calls else Retry(Reason.UNAVAILABLE, delay_seconds=60)

    world = a_world(RecordingProvider("post", Channel.EMAIL, answers=answer))
    await send(world, ANNA, **MAIL)

    assert seen == [seen[0]] * 2
    assert await world.outcomes() == [("sent", None)]


async def test_a_consumer_without_the_sealing_key_of_the_tenant_sends_no_mail_without_a_link() -> None:
    world = a_world()
    await send(world, ANNA, **MAIL)
    world.sealer = Sealer([("k2", b"\2" * 32)])
    await world.expand(world.record(ANNA, **MAIL, request_id="r2"))
    await world.deliver_all()

    assert await world.logs("r2") == []
    world.sealer = Sealer([("k2", b"\2" * 32), ("k1", bytes(32))])
    await world.settle(3)
    assert await world.outcomes("r2") == [("sent", None)]
