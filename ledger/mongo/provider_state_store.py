"""Reports of the consumers about their providers in MongoDB, one document for each consumer."""

from collections.abc import Sequence

from motor.motor_asyncio import AsyncIOMotorCollection
from typing_extensions import override

from ledger.mongo.connection import Document, translated_errors
from ledger.provider_states import FORGET_AFTER, ProviderState, ProviderStates
from schemas.statuses import Channel

_IS_RECENT: Document = {
    "$expr": {"$gt": ["$reported_at", {"$subtract": ["$$NOW", round(FORGET_AFTER.total_seconds() * 1000)]}]}
}


class MongoProviderStates(ProviderStates):
    """Reports in the collection `provider_states`. MongoDB deletes old ones."""

    def __init__(self, collection: AsyncIOMotorCollection[Document]) -> None:
        self._reports = collection

    @override
    async def report(self, process_name: str, states: Sequence[ProviderState]) -> None:
        providers = [{**state._asdict(), "channel": state.channel.value} for state in states]
        change = [{"$set": {"providers": {"$literal": providers}, "reported_at": "$$NOW"}}]
        with translated_errors():
            await self._reports.update_one({"_id": process_name}, change, upsert=True)

    @override
    async def list(self) -> list[ProviderState]:
        with translated_errors():
            reports = await self._reports.find(_IS_RECENT).sort("_id", 1).to_list(None)
        return [
            ProviderState(
                each["name"],
                Channel(each["channel"]),
                each["problem"],
                tuple(each["tenants"]) if each["tenants"] else None,
                each.get("has_unsubscribe_uri"),
            )
            for report in reports
            for each in report["providers"]
        ]
