"""Connection to MongoDB: durable writes, bounded waits, server clock, and translation of errors."""

import os
import time
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

# Motor runs every command in one pool of threads. Its default, 5 for each core, is too few for both lanes on a small
# machine.
os.environ.setdefault("MOTOR_MAX_WORKERS", "32")

from bson.codec_options import CodecOptions
from bson.errors import BSONError
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo.errors import BulkWriteError, InvalidOperation, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from ledger.errors import InvalidConnectionString, LedgerRefused, LedgerUnavailable

Document = dict[str, Any]
Database = AsyncIOMotorDatabase[Document]

COMMAND_TIMEOUT_MS = 8_000
"""Maximum time of one command in milliseconds, including the wait for a server and the retries of the driver."""

DUPLICATE_KEY = 11000
_REFUSED_FOR_GOOD = frozenset(
    {2, 9, 14, 15, 16, 22, 26, 28, 30, 40, 48, *range(52, 58), 59, 66, 67, 85, 86, 116, 121, 159, 168, 171, 241}
) | {10334, 17280, 17419, 17420}
"""Codes of server errors that a repeat cannot fix: bad values, unknown commands, conflicting indexes, and documents
that are too large or not valid. The names are in src/mongo/base/error_codes.yml of MongoDB.

Missing permissions (13, 18) and a full disk (14031) are left out, because an operator can help.
"""


@contextmanager
def translated_errors() -> Iterator[None]:
    """Translate errors of the driver into errors of the ledger. Drop their texts, which may contain documents."""
    try:
        yield
    except BulkWriteError as error:
        raise _write_error({each["code"] for each in (error.details or {}).get("writeErrors", ())}) from None
    except OperationFailure as error:
        if error.code in _REFUSED_FOR_GOOD:
            raise LedgerRefused(f"MongoDB refused a command, code {error.code}") from None
        raise LedgerUnavailable(f"MongoDB could not run a command, code {error.code}") from None
    except (BSONError, OverflowError, UnicodeEncodeError) as error:  # a document that the driver cannot encode
        raise LedgerRefused(f"the driver refused a document: {type(error).__name__}") from None
    except InvalidOperation:
        raise LedgerUnavailable("the connection to MongoDB is closed") from None
    except PyMongoError as error:
        raise LedgerUnavailable(f"MongoDB did not answer: {type(error).__name__}") from None


def _write_error(codes: set[int]) -> LedgerRefused | LedgerUnavailable:
    """Return the error for writes of one command that failed with these codes."""
    kind = LedgerRefused if codes and codes <= _REFUSED_FOR_GOOD else LedgerUnavailable
    return kind(f"MongoDB refused writes, codes {sorted(codes)}")


def check_reply(reply: Document, expected: AbstractSet[int] = frozenset()) -> None:
    """Raise LedgerError if writes of a command failed with codes that are not expected."""
    concern_errors = [reply["writeConcernError"]] if "writeConcernError" in reply else []
    codes = {error["code"] for error in (*reply.get("writeErrors", ()), *concern_errors)} - expected
    if codes:
        raise _write_error(codes)


def duplicate_key_indexes(reply: Document) -> list[int]:
    """Return the indices of the documents whose id exists already. Raise LedgerError for any other error."""
    check_reply(reply, {DUPLICATE_KEY})
    return [error["index"] for error in reply.get("writeErrors", ())]


def open_database(
    url: str, database: str, timeout_ms: int = COMMAND_TIMEOUT_MS
) -> tuple[AsyncIOMotorClient[Document], Database]:
    """Return a client and its database. The client connects with its first command.

    Every write waits for the majority and the journal. Reads go to the primary. Raise InvalidConnectionString.
    """
    try:
        client = _client(url, timeout_ms)
    except Exception:  # noqa: BLE001  # texts of the driver may show the password in the connection string
        raise InvalidConnectionString("is not a valid MongoDB connection string") from None
    opened = client.get_database(
        database,
        codec_options=CodecOptions(tz_aware=True, tzinfo=UTC),
        read_concern=ReadConcern("local"),
        read_preference=ReadPreference.PRIMARY,
        write_concern=WriteConcern(w="majority", j=True),
    )
    return client, opened


def _client(url: str, timeout_ms: int) -> AsyncIOMotorClient[Document]:
    return AsyncIOMotorClient(
        url,
        appname="rollcall",
        retryWrites=True,
        serverSelectionTimeoutMS=timeout_ms,
        timeoutMS=timeout_ms,
        tz_aware=True,
        waitQueueTimeoutMS=timeout_ms,
    )


async def count_up_to(
    collection: AsyncIOMotorCollection[Document], query: Document, limit: int | None, index: str
) -> int:
    """Return the number of matching documents, counted up to `limit`. None: count all."""
    if limit == 0:
        return 0
    options: dict[str, Any] = {"hint": index} if limit is None else {"hint": index, "limit": limit}
    return await collection.count_documents(query, **options)


class ServerClock:
    """Estimate of the server's time: the last time that the server sent, plus the monotonic clock since then."""

    def __init__(self) -> None:
        self._ahead = time.time() - time.monotonic()

    def observe(self, server_time: datetime) -> None:
        """Note a time that the server has just sent.

        Replies take time to arrive. Of two similar estimates the later one is therefore the better.
        """
        estimate = server_time.timestamp() - time.monotonic()
        close = abs(estimate - self._ahead) < 1.0
        self._ahead = max(estimate, self._ahead) if close else estimate

    def now(self) -> datetime:
        """Return the estimated time of the server in UTC, in whole milliseconds, as MongoDB stores it."""
        return datetime.fromtimestamp(int((self._ahead + time.monotonic()) * 1000) / 1000, UTC)
