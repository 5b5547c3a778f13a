"""Row 27: people that opt out while a bulk is sent to them."""

import asyncio
from typing import NamedTuple

import httpx

from cli.admin.development_token import issue_token
from core.ids import log_id
from tests.e2e.open_windows import log_ids_in, open_windows
from tests.support.deployment import NO_RATE_LIMITS
from tests.torture.reconciliation import DoesNotHold, Reconciliation
from tests.torture.row_registry import row
from tests.torture.traffic import TENANT
from tests.torture.world import ANSWER_SECONDS, Round, World

PATH, SCOPE = "/communication/suppressions", "communication:suppressions"
SHARE = 0.1
"""Share of the recipients that opt out."""
BREATH_SECONDS = 0.02


class OptOut(NamedTuple):
    """Acknowledged opt-out, and what was sent or may still be sent when it was acknowledged."""

    address: str
    delivery: str
    accepted: int
    """Number of messages that the provider had taken."""
    in_window: bool


@row(
    27,
    "opt-outs in the middle of a bulk",
    "an address gets nothing from a window that opened after its opt-out was acknowledged; each is accounted for",
)
async def opt_outs_in_the_middle(round_: Round) -> Reconciliation:
    async with round_.world(**NO_RATE_LIMITS) as world:
        world.provider.misbehave("slow", seconds=4 * ANSWER_SECONDS)
        producer, *_ = await asyncio.gather(world.start("producer"), world.consumers(2))
        orders = world.orders(round_.recipients)
        who = [
            (to, log_id(order.key, part, index))
            for order in orders
            for part, recipients in enumerate(order.parts)
            for index, to in enumerate(recipients)
            if (part, index) not in order.decided
        ]
        leaving = round_.rng.sample(who, round(SHARE * len(who)))
        token = issue_token(world.deployment.env["ROLLCALL_JWT_SECRET"], TENANT, "usr_torture", [SCOPE], 600)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=producer.url, headers=headers, timeout=60, trust_env=False) as client:
            await _opt_out(client, "13700000000")  # makes the key of the tenant, which takes 8 s
            await world.publish(*orders)
            acknowledged = [await _opt_out_and_look(world, client, *each) for each in leaving]
        await world.settled()
        return await _hold(world, acknowledged)


async def _hold(world: World, acknowledged: list[OptOut]) -> Reconciliation:
    """Hold that nothing was sent to them later, and that the log of each says so."""
    books, accepted = await world.books(), world.provider.accepted()
    stopped = world.deployment.database["communication_logs"].find({"outcome": "suppressed", "reason": "opted_out"})
    suppressed = {log["_id"] for log in stopped} & {each.delivery for each in acknowledged}
    sent_later = {each for each in acknowledged if each.delivery in accepted[each.accepted :] and not each.in_window}
    if sent_later:
        raise DoesNotHold(f"{len(sent_later)} got a message after they had opted out", books)
    free = {each.delivery for each in acknowledged if each.delivery not in accepted}
    if free != suppressed:
        raise DoesNotHold(f"{len(free)} got nothing, and {len(suppressed)} logs say that they opted out", books)
    if not suppressed or len(suppressed) == len(acknowledged):
        raise DoesNotHold("no opt-out came in the middle of a request", books)
    world.faults = books.faults = len(acknowledged)
    books.hold(notes=f"{len(acknowledged)} opted out, {len(suppressed)} of them before their window")
    return books


async def _opt_out_and_look(world: World, client: httpx.AsyncClient, address: str, delivery: str) -> OptOut:
    await _opt_out(client, address)
    # A window that opens between the answer and this look counts as open before. So the row asks for a bit too little.
    windows = log_ids_in(await asyncio.to_thread(open_windows, world.deployment, world.services))
    await asyncio.sleep(BREATH_SECONDS)
    return OptOut(address, delivery, len(world.provider.accepted()), delivery in windows)


async def _opt_out(client: httpx.AsyncClient, address: str) -> None:
    body = {"channel": "sms", "recipient": address, "reason": "opted_out"}
    answer = await client.post(PATH, json=body)
    if answer.status_code not in {httpx.codes.OK, httpx.codes.CREATED}:
        raise DoesNotHold(f"an opt-out is answered with {answer.status_code}: {answer.text[:200]}")
