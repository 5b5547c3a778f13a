"""A person whose data a world erases."""

import itertools

from consumer.sweep.erasure_job import ErasureJob
from core.addresses import AddressRules
from ledger.chunk_recipients import open_chunk_recipients
from ledger.erased_recipients import find_recipients
from ledger.erasure_orders import AuditedCall, Person, order_erasure
from ledger.erasure_port import LATE_WRITES, Erasure
from ledger.tenant_key import SETTLING
from schemas.statuses import Channel
from tests.flow.world import Steps, World

_entries = itertools.count()


async def order(world: World, value: str, channel: Channel | None = Channel.SMS, tenant: str = "t1") -> Erasure:
    """Order the erasure of a normalised address, or of a user. The time passes until all consumers know the key."""
    call = AuditedCall(f"a{next(_entries)}", tenant, "officer", world.time)
    ordered = await order_erasure(world.ledger, world.sealer, Person(value, channel), call)
    world.pass_time(SETTLING.total_seconds())
    return ordered


async def run_pass(world: World, steps: Steps | None = None) -> None:
    """Let a new process carry out one pass of the order that is due."""
    await ErasureJob(world.context(steps)).run_pass()


async def finish(world: World) -> None:
    """Let healthy processes work until every request is completed and every order is finished."""
    for _ in range(10):
        await run_pass(world)
        await world.settle(2)
        await run_pass(world)
    world.pass_time(LATE_WRITES.total_seconds())
    await run_pass(world)


def traces_of(world: World, address: str, channel: Channel = Channel.SMS) -> list[str]:
    """Return where the ledger still has an address, sealed ones opened, or a hash or a mask of it."""
    hashes = Person(address, channel).hashes(world.sealer)
    mask = AddressRules(channel, None).mask(address, address)
    store = world.ledger.requests._store  # type: ignore[attr-defined]
    found = [log.id for log in store.logs.values() if log.recipient == mask or log.recipient_hash in hashes]
    for document in store.chunks.values():
        chunk = document.chunk
        recipients = open_chunk_recipients(world.sealer, chunk) if chunk.sealed else ()
        if mask in chunk.masked or find_recipients(chunk, hashes) or address in {to for to, *_ in recipients}:
            found.append(chunk.id)
    return found
