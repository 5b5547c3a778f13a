"""Message counters in MongoDB, one document for each address of a tenant, channel and category."""

from collections.abc import Collection, Sequence
from datetime import datetime

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError
from typing_extensions import override

from core.message_caps import WEEK, limits, most_counted, own_period
from ledger.message_counter_port import MessageCounters, MessageToCount
from ledger.mongo.connection import DUPLICATE_KEY, Document, ServerClock, translated_errors
from schemas.tenant_settings import RecipientCaps


class MongoMessageCounters(MessageCounters):
    """Message counters in the collection `message_counters`. MongoDB deletes one a week after its last message.

    Each message is one atomic upsert, whose filter matches only a counter with room. If the counter has none, the
    upsert tries to insert a second document with its id, which MongoDB refuses.
    """

    def __init__(self, collection: AsyncIOMotorCollection[Document], clock: ServerClock) -> None:
        self._counters, self._clock = collection, clock

    @override
    async def count(self, messages: Sequence[MessageToCount], caps: RecipientCaps) -> set[str]:
        now = self._clock.now()
        left = await self._write(messages, [_first_try(each, caps, now) for each in messages])
        # A counter that has the delivery already, or that another process made at the same time, is looked at again.
        refused = await self._write(left, [_another_try(each, caps, now) for each in left])
        return {each.delivery for each in messages}.difference(each.delivery for each in refused)

    @override
    async def take_back(self, messages: Collection[MessageToCount]) -> None:
        if messages:
            updates = [
                UpdateOne({"_id": each.counter}, {"$pull": {"sent": {"id": each.delivery}}}) for each in messages
            ]
            with translated_errors():
                await self._counters.bulk_write(updates, ordered=False)

    async def _write(self, messages: Sequence[MessageToCount], updates: Sequence[UpdateOne]) -> list[MessageToCount]:
        """Write the update of each message. Return those whose filter did not match the counter."""
        if not updates:
            return []
        with translated_errors():
            try:
                await self._counters.bulk_write(updates, ordered=False)
            except BulkWriteError as error:
                errors = (error.details or {}).get("writeErrors", ())
                if {each["code"] for each in errors} != {DUPLICATE_KEY}:
                    raise
                return [messages[each["index"]] for each in errors]
        return []


def _first_try(message: MessageToCount, caps: RecipientCaps, now: datetime) -> UpdateOne:
    """Return the update of `core.message_caps.count_message` for a delivery that does not count yet.

    It takes the server a third of the time of `_another_try`.
    """
    unless_counted = {"_id": message.counter, "sent.id": {"$ne": message.delivery}, **_room(caps, now)}
    push = {"$each": [_sent(message, now)], "$position": 0, "$slice": most_counted(caps)}
    return UpdateOne(unless_counted, {"$push": {"sent": push}, "$set": {"gone_at": now + WEEK}}, upsert=True)


def _another_try(message: MessageToCount, caps: RecipientCaps, now: datetime) -> UpdateOne:
    """Return the update of `core.message_caps.count_message`."""
    own = {"sent": {"$elemMatch": {"id": message.delivery, "at": {"$gt": now - own_period(caps)}}}}
    is_other = {"$ne": ["$$each.id", message.delivery]}
    others = {"$filter": {"input": {"$ifNull": ["$sent", []]}, "as": "each", "cond": is_other}}
    sent = {"$slice": [{"$concatArrays": [[_sent(message, now)], others]}, most_counted(caps)]}
    change = [{"$set": {"sent": sent, "gone_at": now + WEEK}}]
    return UpdateOne({"_id": message.counter, "$or": [own, _room(caps, now)]}, change, upsert=True)


def _room(caps: RecipientCaps, now: datetime) -> Document:
    """Return the condition that a counter has room. The last message that would fill a cap tells."""
    return {f"sent.{most - 1}.at": {"$not": {"$gt": now - period}} for most, period in limits(caps)}


def _sent(message: MessageToCount, now: datetime) -> Document:
    return {"id": message.delivery, "at": now}
