"""After a MongoDB outage, owners write their results before any ended lease is taken over."""

from dataclasses import replace
from typing import Any

from consumer.deliver.claim_chunks import OUTAGE_GRACE_SECONDS, Claimer
from ledger.claims import ClaimRequest, ClaimResult
from ledger.errors import LedgerUnavailable
from schemas.statuses import Channel, Lane
from tests.flow.world import World


class Away:
    """A ledger that does not answer the first claims and pings."""

    def __init__(self, inner: Any, done: list[str], silent: int) -> None:
        self._inner, self.chunks, self._done, self._silent = inner, self, done, silent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _answer(self, what: str) -> None:
        self._done.append(what)
        self._silent -= 1
        if self._silent >= 0:
            raise LedgerUnavailable("away")

    async def ping(self) -> None:
        self._answer("ping")

    async def claim_due(
        self, lane: Lane, channel: Channel, claim: ClaimRequest, *, never_claimed: bool = False
    ) -> ClaimResult | None:
        self._answer("claim")
        options = {"never_claimed": never_claimed}
        found: ClaimResult | None = await self._inner.chunks.claim_due(lane, channel, claim, **options)
        return found


async def test_a_claim_that_failed_waits_after_the_outage() -> None:
    world, done = World(), []
    await world.expand(world.record("13800000001"))
    world.pass_time(61)

    async def sleep(seconds: float) -> None:
        done.append(f"wait {seconds:g}" if seconds >= OUTAGE_GRACE_SECONDS else "pause")

    context = replace(world.context(), ledger=Away(world.ledger, done, silent=3), sleep=sleep)
    leased = await Claimer(context).claim_due((Lane.EXPRESS, Channel.SMS), never_claimed=True)
    assert leased is not None
    assert done == [
        "claim",
        "pause",
        "ping",
        "pause",
        "ping",
        "pause",
        "ping",
        f"wait {OUTAGE_GRACE_SECONDS:g}",
        "claim",
    ]


async def test_a_claim_that_succeeds_at_once_does_not_wait() -> None:
    world, done = World(), []
    await world.expand(world.record("13800000001"))
    world.pass_time(61)
    context = replace(world.context(), ledger=Away(world.ledger, done, silent=0))
    assert await Claimer(context).claim_due((Lane.EXPRESS, Channel.SMS), never_claimed=True) is not None
    assert done == ["claim"]
