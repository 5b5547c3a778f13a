"""Secret variables of a request as its expansion decides and stores them."""

from typing import Any

import orjson
import pytest

from core.ids import ChunkId, chunk_id
from tests.flow.consumer.secret_steps import (
    CODES,
    KEY,
    NUMBERS,
    PEOPLE,
    TEXT,
    expanded,
    secrets_left,
    shown,
    store_of,
)
from tests.flow.world import World


async def test_who_gets_no_message_has_no_value_stored() -> None:
    world = World()
    bad = {"to": "12", "variables": {"code": "11111", "name": "Wei"}}
    again = {"to": NUMBERS[0], "variables": {"code": "22222", "name": "Wei"}}
    await expanded(world, *PEOPLE, bad, again, expires_at=None)

    assert await secrets_left(world) == [*CODES, "97531"]


async def test_a_record_that_is_read_again_after_the_completion_brings_no_value_back() -> None:
    world = World()
    await expanded(world)
    await world.deliver_all()
    await expanded(world)
    await world.settle()

    assert sum(world.providers[0].taken.values()) == len(PEOPLE)
    assert await secrets_left(world) == []
    assert not world.events("request.rejected")


async def test_secret_variables_of_the_template_are_added() -> None:
    world = World()
    await world.ledger.templates.put("t1", "login", TEXT["content"], None, secret_variables=["pin"])
    await expanded(world, content="", template="login", secret_variables=["code"])
    request = await world.ledger.requests.get(KEY)
    assert request is not None
    assert request.header.secret_variables == ("code", "pin")

    await world.deliver_all()

    assert await shown(world) == {"Wei: ***, a.example, ***"}
    assert await secrets_left(world) == []


async def test_secret_variables_are_those_of_the_template_version_that_the_request_uses() -> None:
    world = World()
    await world.ledger.templates.put("t1", "login", TEXT["content"], None, secret_variables=["pin", "code"])
    await expanded(world, content="", template="login", secret_variables=...)
    await world.ledger.templates.put("t1", "login", TEXT["content"], None)
    await expanded(world, content="", template="login", secret_variables=...)
    await world.deliver_all()

    assert await shown(world) == {"Wei: ***, a.example, ***"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"secret_variables": ["code", "pim"]}, "secret_variables[1]"),
        ({"secret_variables": ["Code"]}, "secret_variables[0]"),
        ({"secret_variables": ["code", "pin", "code"]}, "secret_variables[2]"),
        ({"subject": "{{otp}}", "secret_variables": ["otp"]}, "secret_variables[0]"),  # an SMS has no subject
        ({"secret_variables": [""]}, "secret_variables[0]"),
        ({"secret_variables": [f"v{n}" for n in range(51)]}, "secret_variables"),
        ({"secret_variables": "code"}, "secret_variables"),
        ({"keep_secret_variables": "yes"}, "keep_secret_variables"),
    ],
)
async def test_a_secret_variable_that_no_text_names_is_refused(changes: dict[str, Any], field: str) -> None:
    world = World()
    await expanded(world, **changes)

    (rejected,) = world.events("request.rejected")
    assert rejected["fields"] == [field]
    assert rejected["message"].startswith(f"{field}: ")
    assert "97531" not in orjson.dumps(rejected).decode()
    assert not store_of(world).requests


async def test_a_request_without_secret_variables_is_stored_as_before() -> None:
    world = World()
    await expanded(world, secret_variables=...)
    request = await world.ledger.requests.get(KEY)
    chunk = await world.ledger.chunks.get(ChunkId(chunk_id(KEY, 0, 0)))
    assert request is not None
    assert chunk is not None

    assert (request.header.secret_variables, request.header.keep_secret_variables) == (None, None)
    assert (request.header.sealed_secrets, chunk.sealed_secrets) == (None, {})
