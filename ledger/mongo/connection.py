"""The connection: durable writes, bounded waits, the server's clock, and errors in the ledger's words."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

# Motor runs every command in one pool of threads, by default 5 a core: too few for both lanes on a small machine.
os.environ.setdefault("MOTOR_MAX_WORKERS", "32")

from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo.errors import InvalidOperation, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from ledger.errors import InvalidConnectionString, LedgerError, LedgerUnavailable

Document = dict[str, Any]
Database = AsyncIOMotorDatabase[Document]

COMMAND_TIMEOUT_MS = 8_000
"""How long one command may take, waiting for a server and the driver's own retries included."""

_DUPLICATE_KEY = 11000
_REFUSED_FOR_GOOD = frozenset({2, 9, 14, 26, 48, 52, 59, 66, 67, 85, 86, 121, 17280})
"""Server codes that no repeat would mend: bad values, unknown commands, conflicting indexes.

Rights that are lacking (13, 18) are not among them: somebody grants them again, and no record is to blame."""


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the driver's errors into the ledger's; their texts may hold documents, so none of it is kept."""
    try:
        yield
    except OperationFailure as error:
        if error.code in _REFUSED_FOR_GOOD:
            raise LedgerError(f"MongoDB refused a command, code {error.code}") from None
        raise LedgerUnavailable(f"MongoDB could not do a command now, code {error.code}") from None
    except InvalidOperation:
        raise LedgerUnavailable("the connection to MongoDB is closed") from None
    except PyMongoError as error:
        raise LedgerUnavailable(f"MongoDB did not answer: {type(error).__name__}") from None


def duplicate_key_indexes(reply: Document) -> list[int]:
    """Which documents of an insert, by number, were kept out by a taken id; raises LedgerUnavailable for all else."""
    problems = reply.get("writeErrors", [])
    unkept = [reply["writeConcernError"]] if "writeConcernError" in reply else []
    codes = {problem["code"] for problem in (*problems, *unkept)} - {_DUPLICATE_KEY}
    if codes:
        raise LedgerUnavailable(f"MongoDB refused writes, codes {sorted(codes)}")
    return [problem["index"] for problem in problems]


def open_database(
    url: str, database: str, timeout_ms: int = COMMAND_TIMEOUT_MS
) -> tuple[AsyncIOMotorClient[Document], Database]:
    """A client and its database: majority and journal for every write, reads from the primary. Connects lazily.

    Raises BadAddress.
    """
    try:
        client = _client(url, timeout_ms)
    except Exception:  # noqa: BLE001  # the driver's own errors, whose texts may show the password in the address
        raise InvalidConnectionString("is not a connection string of MongoDB") from None
    chosen = client.get_database(
        database,
        codec_options=CodecOptions(tz_aware=True, tzinfo=UTC),
        read_concern=ReadConcern("local"),
        read_preference=ReadPreference.PRIMARY,
        write_concern=WriteConcern(w="majority", j=True),
    )
    return client, chosen


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
    collection: AsyncIOMotorCollection[Document], which: Document, most: int | None, index: str
) -> int:
    """How many documents match, as far as `most`; None: all of them."""
    if most == 0:
        return 0
    options: dict[str, Any] = {"hint": index} if most is None else {"hint": index, "limit": most}
    return await collection.count_documents(which, **options)


class ServerClock:
    """The server's time between its answers: its last word, carried on by this machine's monotonic clock."""

    def __init__(self) -> None:
        self._ahead = time.time() - time.monotonic()

    def observe(self, server_time: datetime) -> None:
        """Note a time that the server has just said. Answers travel, so of two guesses the later one is nearer."""
        guess = server_time.timestamp() - time.monotonic()
        close = abs(guess - self._ahead) < 1.0
        self._ahead = max(guess, self._ahead) if close else guess

    def now(self) -> datetime:
        """The server's time, as nearly as it is known here, in UTC, in whole milliseconds: no more would be stored."""
        return datetime.fromtimestamp(int((self._ahead + time.monotonic()) * 1000) / 1000, UTC)
