"""Port of the writes that take the data of a person out of requests, chunks and logs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from core.chunk_work import Window, Work
from core.ids import ChunkId, LogId, RequestKey, erased_person
from ledger.models import Chunk

ERASED_PREFIX = "erased:"
"""Beginning of a pseudonym."""


class Pseudonym(NamedTuple):
    """Values in the place of a user, or of a masked address and its hash, after their erasure."""

    text: str
    hash: bytes

    @classmethod
    def of(cls, erasure_id: str) -> "Pseudonym":
        """Return the pseudonym of an erasure. It follows from the person and the key of the tenant."""
        person, digest = erased_person(erasure_id)
        return cls(f"{ERASED_PREFIX}{person}", digest)


def is_erased(recipient: str) -> bool:
    """Return whether a masked address is a pseudonym."""
    return recipient.startswith(ERASED_PREFIX)


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """Chunk as it is stored, with all that the erasure of a recipient depends on."""

    chunk: Chunk
    window: Window | None
    is_open: bool
    is_owned: bool
    """True after a claim, until its release. The owner may be dead."""
    fence: int


class PersonalData(Protocol):
    """Writes that erase the data of a person. Each may be repeated."""

    async def read_chunk(self, log_id: LogId) -> StoredChunk | None:
        """Return the chunk of a delivery as the primary has it."""

    async def replace_recipients(self, stored: StoredChunk, erased: Chunk, work: Work | None) -> bool:
        """Replace what a chunk says about its recipients, and its work if one is given.

        Return False if the recipients have changed since the chunk was read. With work, also if it was claimed since.
        """

    async def erase_chunks(
        self, key: RequestKey, pseudonym: Pseudonym, after: ChunkId | None, limit: int
    ) -> ChunkId | None:
        """Erase all recipients of up to `limit` closed chunks of a request, after an id.

        Return the id of the last one, or None if there are no more.
        """

    async def erase_texts(self, key: RequestKey) -> None:
        """Erase the texts, the secret variables and the correlation id of a completed request."""

    async def erase_logs(self, ids: Sequence[LogId], pseudonym: Pseudonym, user: str | None = None) -> int:
        """Erase what these logs say about the recipient, and what the provider said. Return the number of logs.

        With a user, it takes the place of the user of the logs.
        """

    async def replace_user(self, key: RequestKey, user: str) -> None:
        """Replace the user of a request."""
