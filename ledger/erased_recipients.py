"""Recipients of a chunk without some of them. The positions stay, so that all ids and counts stay (I5, I2)."""

from collections.abc import Collection
from dataclasses import replace

from ledger.chunk_recipients import seal_without
from ledger.models import Chunk
from ledger.personal_data_port import Pseudonym
from ledger.sealing import HASH_BYTES, Sealer


def find_recipients(chunk: Chunk, hashes: Collection[bytes]) -> set[int]:
    """Return the indices of the recipients with these hashes."""
    stored = (chunk.hashes[at : at + HASH_BYTES] for at in range(0, len(chunk.hashes), HASH_BYTES))
    return {index for index, each in enumerate(stored, chunk.first) if each in hashes}


def without_recipients(chunk: Chunk, indices: Collection[int], pseudonym: Pseudonym, sealer: Sealer) -> Chunk:
    """Return a chunk that says nothing about these recipients. Raise SealingError.

    Its recipients are sealed again. The work stays as it is.
    """
    places = {index - chunk.first for index in indices}
    masked, hashes = list(chunk.masked), bytearray(chunk.hashes)
    references = list(chunk.references) if chunk.references is not None else None
    for place in places:
        masked[place] = pseudonym.text
        hashes[place * HASH_BYTES : (place + 1) * HASH_BYTES] = pseudonym.hash
        if references is not None:
            references[place] = None
    return replace(
        chunk,
        masked=tuple(masked),
        hashes=bytes(hashes),
        references=tuple(references) if references is not None and any(references) else None,
        sealed=seal_without(sealer, chunk, places) if chunk.sealed else b"",
        sealed_secrets={index: sealed for index, sealed in chunk.sealed_secrets.items() if index not in indices},
    )
