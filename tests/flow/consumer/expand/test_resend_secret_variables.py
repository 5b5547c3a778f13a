"""Resend of a request with secret variables: refused once their values are erased, possible if they were kept."""

import pytest

from core.ids import request_key
from core.send_result import Sent
from ledger.rendered_messages import render_messages
from ledger.resend_selection import ResendError
from schemas.statuses import Channel, Status
from tests.flow.consumer.expand.resend_steps import GOOD, OLD, REFUSED, a_world, parts_of, publish, select
from tests.flow.world import RecordingProvider, World

LOGIN = {"content": "{{code}}, {{pin}}", "variables": {"pin": "97531"}, "secret_variables": ["pin", "code"]}
MORE = {"to": "13911110003", "variables": {"code": "864209"}}


async def test_a_resend_without_its_secret_values_is_refused_with_their_names() -> None:
    world, _ = await a_world(REFUSED, MORE, **LOGIN)
    with pytest.raises(ResendError, match="secret variables are erased: pin, code"):
        await select(world)


async def test_a_resend_of_kept_secret_values_sends_them_and_keeps_the_fields() -> None:
    world, book = await a_world(REFUSED, MORE, **LOGIN, keep_secret_variables=True)
    selection = await select(world)
    await publish(world, selection)
    assert [message.text for message in book.texts.values() if message.to.endswith("10003")] == ["864209, 97531"] * 2
    new = await world.ledger.requests.get(request_key("t1", selection.request_id))
    assert new is not None
    assert (new.header.secret_variables, new.header.keep_secret_variables) == (("pin", "code"), True)
    contents = await render_messages(world.ledger, world.sealer, await world.logs(selection.request_id))
    assert set(contents.values()) == {"***, ***"}


async def test_a_resend_is_possible_although_the_request_does_not_name_a_secret_of_its_template() -> None:
    world = World(RecordingProvider("post", Channel.EMAIL, answers=lambda *_: REFUSED))
    await world.ledger.templates.put("t1", "login", "Hello", "{{code}}", secret_variables=["code"])
    mail = {"channel": "email", "content": "", "template": "login", "subject": "Hi", "keep_secret_variables": True}
    await world.expand(world.record({"to": "a@example.com", "variables": {"code": "864209"}}, **mail))
    await world.deliver_all()
    world.providers[0].answers = lambda *_: Sent("m")
    selection = await select(world)
    await publish(world, selection)
    assert await world.outcomes(selection.request_id) == [("sent", None)]


async def test_a_resend_is_possible_with_as_many_secret_variables_as_request_and_template_may_name() -> None:
    world, names = World(RecordingProvider(answers=lambda *_: REFUSED)), [f"v{number}" for number in range(100)]
    text = "".join(f"{{{{{name}}}}}" for name in names)
    await world.ledger.templates.put("t1", "login", text, None, secret_variables=names[50:])
    person = {"to": GOOD[0], "variables": dict.fromkeys(names, "7")}
    fields = {"content": "", "template": "login", "secret_variables": names[:50], "keep_secret_variables": True}
    await world.expand(world.record(person, **fields))
    await world.deliver_all()
    world.providers[0].answers = lambda *_: Sent("m")
    selection = await select(world)
    await publish(world, selection)
    new = await world.ledger.requests.get(request_key("t1", selection.request_id))
    assert new is not None
    assert sorted(new.header.secret_variables or ()) == sorted(names)
    assert await world.outcomes(selection.request_id) == [("sent", None)]


async def test_no_part_of_a_resend_is_made_without_the_secret_values() -> None:
    world, _ = await a_world(REFUSED, MORE, **LOGIN)
    old = await world.ledger.requests.get(OLD)
    assert old is not None
    empty = await select(world, Status.UNKNOWN)
    with pytest.raises(ResendError, match="secret variables are erased: pin, code"):
        await parts_of(world, empty)
