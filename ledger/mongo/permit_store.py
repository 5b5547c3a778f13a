"""Permits in MongoDB, one document for each limit. Each call is one atomic update by the clock of the server.

Times are numbers of milliseconds since 1970, because the slots of a high rate are less than a millisecond apart.
"""

from typing import Any

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import ReturnDocument
from typing_extensions import override

from core.period_limits import PERIOD_SECONDS, PeriodLimits, TakenPermits, period_start
from core.rate_schedule import (
    CATCH_UP,
    CLOCK_JUMP_SECONDS,
    MAX_AHEAD_SECONDS,
    MAX_UNUSED_SECONDS,
    SHARE,
    SlotLease,
)
from ledger.mongo.connection import Document, translated_errors
from ledger.permit_port import Permits

_SET_NOW: Document = {"$set": {"now": {"$toDouble": "$$NOW"}, "used_at": "$$NOW"}}
_NO_LIMIT = 2**53
"""Limit of a period without a limit."""


class MongoPermits(Permits):
    """Permits in the collection `permits`. MongoDB deletes those that nobody takes for two days."""

    def __init__(self, collection: AsyncIOMotorCollection[Document]) -> None:
        self._permits = collection

    @override
    async def lease_slots(self, key: str, per_second: float, slots: int, unused: int) -> SlotLease:
        document = await self._update(key, _lease(per_second * SHARE / 1000, slots, unused))
        leased = document["leased"]
        return SlotLease(
            slots=int(leased["slots"]),
            first_at=leased["first_at"] / 1000,
            interval_seconds=leased["interval"] / 1000,
            now=document["now"] / 1000,
        )

    @override
    async def take(self, key: str, limits: PeriodLimits, permits: int) -> TakenPermits:
        document = await self._update(key, _take(limits, permits))
        ends = [
            document[name]["start"] + seconds * 1000
            for name, seconds in PERIOD_SECONDS.items()
            if document[name]["used"] >= _limit(limits, name)
        ]
        granted = int(document["granted"])
        return TakenPermits(granted, document["now"] / 1000, max(ends) / 1000 if granted < permits else None)

    @override
    async def give_back(self, key: str, taken: TakenPermits, permits: int) -> None:
        left = {name: {"$max": [0, {"$subtract": [f"${name}.used", permits]}]} for name in PERIOD_SECONDS}
        starts = {name: period_start(name, taken.now) * 1000 for name in PERIOD_SECONDS}
        change = {
            f"{name}.used": {"$cond": [{"$eq": [f"${name}.start", starts[name]]}, left[name], f"${name}.used"]}
            for name in PERIOD_SECONDS
        }
        with translated_errors():
            await self._permits.update_one({"_id": key}, [{"$set": change}])

    async def _update(self, key: str, pipeline: list[Document]) -> Document:
        with translated_errors():
            document = await self._permits.find_one_and_update(
                {"_id": key}, pipeline, upsert=True, return_document=ReturnDocument.AFTER
            )
        if document is None:
            raise AssertionError("an upsert leaves a document")
        return document


def _lease(per_ms: float, slots: int, unused: int) -> list[Document]:
    """Return the update of `core.rate_schedule.lease_slots`."""
    next_at = {"$ifNull": ["$next_at", 0.0]}
    kept = {"$cond": [{"$gt": [next_at, "$now"]}, {"$ifNull": ["$unused", 0.0]}, 0.0]}
    in_time = {"$lte": [next_at, {"$add": ["$now", CLOCK_JUMP_SECONDS * 1000]}]}
    first_at = {"$cond": [in_time, {"$max": [next_at, "$now"]}, "$now"]}
    is_near = {"$lte": [{"$subtract": ["$leased.first_at", "$now"]}, MAX_AHEAD_SECONDS * 1000]}
    waiting = {"$min": [{"$add": [kept, unused]}, per_ms * MAX_UNUSED_SECONDS * 1000]}
    speed = {"$cond": [{"$gt": ["$unused", 0.0]}, CATCH_UP, 1.0]}
    caught_up = {"$multiply": ["$leased.slots", {"$subtract": [1, {"$multiply": ["$leased.interval", per_ms]}]}]}
    return [
        _SET_NOW,
        {"$set": {"unused": waiting, "leased": {"first_at": first_at}}},
        {
            "$set": {
                "leased.slots": {"$cond": [is_near, slots, 0]},
                "leased.interval": {"$divide": [1, {"$multiply": [per_ms, speed]}]},
            }
        },
        {
            "$set": {
                "next_at": {"$add": ["$leased.first_at", {"$multiply": ["$leased.slots", "$leased.interval"]}]},
                "unused": {"$max": [0.0, {"$subtract": ["$unused", caught_up]}]},
            }
        },
    ]


def _take(limits: PeriodLimits, permits: int) -> list[Document]:
    """Return the update of `core.period_limits.take_permits`."""
    starts: dict[str, Any] = {
        name: {"$multiply": [{"$floor": {"$divide": ["$now", seconds * 1000]}}, seconds * 1000]}
        for name, seconds in PERIOD_SECONDS.items()
    }
    used: dict[str, Any] = {
        name: {"$cond": [{"$eq": [f"${name}.start", start]}, f"${name}.used", 0]} for name, start in starts.items()
    }
    left = [{"$subtract": [_limit(limits, name), f"${name}.used"]} for name in PERIOD_SECONDS]
    return [
        _SET_NOW,
        {"$set": {name: {"start": starts[name], "used": used[name]} for name in PERIOD_SECONDS}},
        {"$set": {"granted": {"$max": [0, {"$min": [permits, *left]}]}}},
        {"$set": {f"{name}.used": {"$add": [f"${name}.used", "$granted"]} for name in PERIOD_SECONDS}},
    ]


def _limit(limits: PeriodLimits, name: str) -> int:
    limit: int | None = getattr(limits, name)
    return _NO_LIMIT if limit is None else limit
