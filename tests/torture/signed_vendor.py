"""Vendor that reports by signed callbacks what became of each message that the provider took."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import httpx

from providers.receipts.generic import SIGNATURE_HEADER, sign
from tests.torture.reconciliation import DoesNotHold
from tests.torture.world import World

KEY, OTHER_KEY = "the key of the gateway, 32 characters", "the key of another one, 32 characters"
PROVIDER, OTHER = "accounting", "another"
ENTRIES = json.dumps(
    [
        {"kind": "http", "provider": PROVIDER, "signing_key": KEY},
        {"kind": "http", "provider": OTHER, "signing_key": OTHER_KEY},
    ]
)
"""Setting of the producer: the gateway of the torture, and another one that has none of its deliveries."""
ODDS = 0.05
"""Share of the reports with each fault."""
UNDELIVERED = 0.1
LOOK_SECONDS = 0.05
MOST_IN_A_CALL = 50


class Report(NamedTuple):
    """One receipt in a callback."""

    delivery: str
    status: str


@dataclass
class SignedVendor:
    """Vendor of one world. With `odds`, reports are lost, doubled, reordered, early, and forged."""

    world: World
    url: str
    rng: random.Random
    odds: float = 0.0
    ends: dict[str, str] = field(default_factory=dict)
    """Status at which each delivery ends by a genuine report that was answered with 200."""
    forged: int = 0
    lost: int = 0
    _seen: int = 0
    _late: list[Report] = field(default_factory=list)

    async def report_early(self, deliveries: Iterable[str]) -> None:
        """Report some of these before the provider, and perhaps the ledger, has them."""
        await self.post([Report(each, self._end()) for each in deliveries if self._happens()])

    async def report_until(self, done: asyncio.Event) -> None:
        """Report what the provider takes, a moment after it took it, until this is set and everything is reported."""
        while not done.is_set() or self._seen < len(self.world.provider.accepted()):
            taken = self.world.provider.accepted()
            new, self._seen = taken[self._seen :], len(taken)
            reports = [report for each in new for report in self._plan(each)]
            for first in range(0, len(reports), MOST_IN_A_CALL):
                await self.post(reports[first : first + MOST_IN_A_CALL])
            await asyncio.sleep(LOOK_SECONDS)
        await self.post(self._late)

    def _plan(self, delivery: str) -> list[Report]:
        """Return the reports of now about a message that was taken. Late ones come at the end."""
        if delivery in self.ends:
            return []
        if self._happens():
            self.lost += 1
            return []
        reports = [Report(delivery, "sent"), Report(delivery, self._end())]
        if self._happens():
            self._late.append(reports.pop(self.rng.randrange(2)))
        return reports

    def _end(self) -> str:
        return "failed" if self.rng.random() < UNDELIVERED else "delivered"

    def _happens(self) -> bool:
        return self.rng.random() < self.odds

    async def post(self, reports: Sequence[Report]) -> None:
        """Post genuine reports until they are taken, some of them again, and forged ones beside them."""
        if not reports:
            return
        async with httpx.AsyncClient(base_url=self.url, timeout=30, trust_env=False) as client:
            while await self._call(client, reports) != httpx.codes.OK:  # noqa: ASYNC110  # until it is taken
                await asyncio.sleep(0.2)
            self.ends.update({report.delivery: report.status for report in reports if report.status != "sent"})
            if doubled := [report for report in reports if self._happens()]:
                await self._call(client, doubled)
            await self._forge(client, [report.delivery for report in reports if self._happens()])

    async def _forge(self, client: httpx.AsyncClient, deliveries: Sequence[str]) -> None:
        """Post receipts that must change nothing: with a wrong key, a changed byte, or the key of another provider."""
        if not deliveries:
            return
        self.forged += len(deliveries)
        lies = [Report(each, "failed" if self.ends.get(each) == "delivered" else "delivered") for each in deliveries]
        answers = {
            "wrong key": await self._call(client, lies, key="x" * 32),
            "changed byte": await self._call(client, lies, changed=True),
            "no signature": await self._call(client, lies, key=None),
            "another provider's name": await self._call(client, lies, provider=OTHER),
        }
        if wrong := {how: answer for how, answer in answers.items() if answer != httpx.codes.UNAUTHORIZED}:
            raise DoesNotHold(f"forged receipts are answered with {wrong}")
        await self._call(client, lies, provider=OTHER, key=OTHER_KEY)  # signed, of a provider that never had them

    async def _call(
        self,
        client: httpx.AsyncClient,
        reports: Sequence[Report],
        *,
        provider: str = PROVIDER,
        key: str | None = KEY,
        changed: bool = False,
    ) -> int | None:
        """Return the answer to a call, or None if there is none."""
        receipts = [{"delivery_id": each.delivery, "status": each.status} for each in reports]
        body = json.dumps({"receipts": receipts}).encode()
        headers = {SIGNATURE_HEADER: sign(key, int(time.time()), body)} if key else {}
        content = body.replace(b"delivered", b"deliverex", 1).replace(b"failed", b"failex", 1) if changed else body
        with contextlib.suppress(httpx.TransportError):
            url = f"/communication/callback/{provider}"
            return (await client.post(url, content=content, headers=headers)).status_code
        return None
