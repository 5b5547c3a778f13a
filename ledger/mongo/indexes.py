"""Creation and check of the indexes."""

from collections.abc import Iterable, Mapping
from typing import Any

from pymongo import IndexModel

from ledger.errors import LedgerNotReady
from ledger.mongo.connection import Database, translated_errors
from ledger.mongo.index import Index
from ledger.mongo.index_list import INDEXES


async def missing_indexes(database: Database) -> list[Index]:
    """Return the indexes that MongoDB does not have, or has with another definition."""
    with translated_errors():
        known = {name: await database[name].index_information() for name in _collections(INDEXES)}
    return [index for index in INDEXES if not _exists(index, known[index.collection].get(index.name))]


async def create_indexes(database: Database) -> list[str]:
    """Create the missing indexes, all of one collection in one scan. Return a line for each."""
    missing = await missing_indexes(database)
    with translated_errors():
        for name in _collections(missing):
            await database[name].create_indexes([_model(index) for index in missing if index.collection == name])
    return [f"{index.collection}.{index.name}: {index.serves}" for index in missing]


def _collections(indexes: Iterable[Index]) -> list[str]:
    return list(dict.fromkeys(index.collection for index in indexes))


def _exists(index: Index, known: Mapping[str, Any] | None) -> bool:
    return known is not None and [(name, int(way)) for name, way in known["key"]] == list(index.keys)


def _model(index: Index) -> IndexModel:
    return IndexModel(list(index.keys), name=index.name, **index.options)


async def check_indexes(database: Database) -> None:
    """Raise LedgerNotReady with the names of the missing indexes."""
    missing = await missing_indexes(database)
    if missing:
        names = ", ".join(f"{index.collection}.{index.name}" for index in missing)
        raise LedgerNotReady(f"MongoDB lacks the indexes {names}. Run `rollcall setup`.")
