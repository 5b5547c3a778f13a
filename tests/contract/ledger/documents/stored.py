"""Stored documents of MongoDB, for tests of their field names."""

from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase

from ledger.mongo import MongoLedger

SERVER_TIME = "a time that the server sets"


class Documents:
    """Ledger and its collections."""

    def __init__(self, ledger: MongoLedger, database: AsyncIOMotorDatabase[dict[str, Any]]) -> None:
        self.ledger, self._database = ledger, database

    async def only(self, collection: str, *server_times: str) -> dict[str, Any]:
        """Return the only document of a collection, its server times replaced by SERVER_TIME."""
        (document,) = await self._database[collection].find({}).to_list(None)
        for path in server_times:
            *outer, name = path.split(".")
            inner = document
            for step in outer:
                inner = inner[step]
            assert isinstance(inner[name], datetime)
            inner[name] = SERVER_TIME
        return document


def in_order(stored: Any) -> Any:
    """Turn each document into pairs, so that a comparison sees the order of the names too."""
    if isinstance(stored, dict):
        return [(name, in_order(value)) for name, value in stored.items()]
    return [in_order(value) for value in stored] if isinstance(stored, list) else stored


def left_at_default(value: Any) -> list[str]:
    """Return the fields that a value leaves at their default or at None, which a test would not see stored."""
    if is_dataclass(value):
        defaults = {each.name: None if each.default is MISSING else each.default for each in fields(value)}
    else:
        defaults = dict.fromkeys(value._fields) | value._field_defaults
    return [name for name, default in defaults.items() if getattr(value, name) in (None, default, (), b"")]
