"""A tenant that suppresses addresses of a world."""

from datetime import datetime

from core.suppressions import SuppressionEntry
from ledger.suppressing import SuppressedAddress, add_suppressions, find_suppression_key, known_suppression_key
from ledger.suppression_port import Addition
from schemas.statuses import Channel, SuppressionReason
from tests.flow.world import World


async def suppress(
    world: World,
    *addresses: str,
    reason: SuppressionReason = SuppressionReason.OPTED_OUT,
    scope: str = "all",
    channel: Channel = Channel.SMS,
    until: datetime | None = None,
    tenant: str = "t1",
) -> list[Addition]:
    """Add normalised addresses. The first addition of the tenant lets the time pass that it has to wait."""

    async def sleep(seconds: float) -> None:
        world.pass_time(seconds)

    key = await known_suppression_key(world.ledger, tenant, world.sealer, sleep)
    entry = SuppressionEntry(reason, scope, "test", world.time, until)
    return await add_suppressions(world.ledger, key, [SuppressedAddress(channel, each, entry) for each in addresses])


async def unsuppress(world: World, address: str, channel: Channel = Channel.SMS) -> None:
    key = await find_suppression_key(world.ledger, "t1", world.sealer)
    assert key is not None
    await world.ledger.suppressions.remove(key.id_of(channel, address), None, None)
