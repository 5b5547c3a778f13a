"""A request with secret variables, and what the ledger still holds of their values."""

from typing import Any

from core.ids import RequestKey, request_key
from ledger.chunk_recipients import open_chunk_recipients
from ledger.memory.store import Store
from ledger.queries import LogQuery
from ledger.rendered_messages import render_messages
from ledger.sealed_text import unseal_template
from tests.flow.world import World

KEY: RequestKey = request_key("t1", "r1")
NUMBERS = [f"138000000{n:02d}" for n in range(4)]
CODES = [f"86420{n}" for n in range(4)]
PEOPLE = [{"to": to, "variables": {"code": code, "name": "Wei"}} for to, code in zip(NUMBERS, CODES, strict=True)]
TEXT: dict[str, Any] = {
    "content": "{{name}}: {{code}}, {{site}}, {{pin}}",
    "variables": {"site": "a.example", "pin": "97531"},
    "secret_variables": ["code", "pin"],
}


async def expanded(world: World, *people: object, **changes: Any) -> None:
    await world.expand(world.record(*(people or PEOPLE), **{**TEXT, **changes}))


def store_of(world: World) -> Store:
    store: Store = world.ledger.logs._store  # type: ignore[attr-defined]
    return store


async def secrets_left(world: World, request_id: str = "r1") -> list[str]:
    """Return every secret value that the ledger still holds, opened with the sealing key."""
    found = []
    for document in store_of(world).chunks.values():
        for _, variables, _ in open_chunk_recipients(world.sealer, document.chunk):
            found += [value for name, value in variables.items() if name in {"code", "pin"}]
    request = await world.ledger.requests.get(request_key("t1", request_id))
    assert request is not None
    variables = unseal_template(world.sealer, request.header)["variables"]
    return found + [value for name, value in variables.items() if name in {"code", "pin"}]


def sent_texts(world: World) -> list[str]:
    return sorted(message.text for message in world.providers[0].texts.values())


async def shown(world: World) -> set[str]:
    logs = (await world.ledger.logs.find(LogQuery("t1"))).items
    return set((await render_messages(world.ledger, world.sealer, logs)).values())
