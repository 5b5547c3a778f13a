"""Recipients of a chunk, sealed (I9). The secret variables of each recipient are sealed apart, to be erased early."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from typing_extensions import override

from core.json_bytes import json_bytes
from core.variable_names import normalise_name
from ledger.models import Chunk
from ledger.sealing import Sealer


class ChunkRecipient(NamedTuple):
    """Recipient of a chunk."""

    to: str
    """Normalised address, or the address as given if it is not valid."""
    variables: Mapping[str, str]
    timezone: str | None = None

    def __repr__(self) -> str:
        return "ChunkRecipient(***)"


def split_secrets(variables: Mapping[str, str], secret_names: Collection[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the variables that may be kept, and those that are secret in any spelling of their names."""
    secrets = {name: value for name, value in variables.items() if normalise_name(name) in secret_names}
    return {name: value for name, value in variables.items() if name not in secrets}, secrets


def split_recipients(
    recipients: Sequence[ChunkRecipient], secret_names: Collection[str]
) -> tuple[Sequence[ChunkRecipient], Mapping[int, dict[str, str]]]:
    """Return the recipients without their secret variables, and these by the recipient's position.

    A request without secrets costs nothing here.
    """
    if not secret_names:
        return recipients, {}
    split = [(each, *split_secrets(each.variables, secret_names)) for each in recipients]
    kept = [each._replace(variables=variables) for each, variables, _ in split]
    return kept, {at: secrets for at, (*_, secrets) in enumerate(split) if secrets}


def seal_recipients(sealer: Sealer, chunk_id: str, recipients: Iterable[ChunkRecipient]) -> bytes:
    """Seal the addresses, variables and time zones of one chunk."""
    return sealer.seal(orjson.dumps([_stored(each) for each in recipients]), chunk_id)


def open_recipients(sealer: Sealer, chunk_id: str, sealed: bytes) -> list[ChunkRecipient]:
    """Return the addresses and variables of one chunk, in order, without secret variables. Raise SealingError."""
    return list(map(_recipient, orjson.loads(sealer.open(sealed, chunk_id))))


def seal_without(sealer: Sealer, chunk: Chunk, places: Collection[int]) -> bytes:
    """Seal the recipients of a chunk again, without those at some places. An erased one has an empty address.

    Raise SealingError.
    """
    recipients = orjson.loads(sealer.open(chunk.sealed, chunk.id))
    kept = [[""] if place in places else recipient for place, recipient in enumerate(recipients)]
    return sealer.seal(orjson.dumps(kept), chunk.id)


def seal_secrets(sealer: Sealer, chunk_id: str, secrets: Mapping[int, Mapping[str, str]]) -> dict[int, bytes]:
    """Seal the secret variables of each recipient, by index in the part."""
    return {
        index: sealer.seal(orjson.dumps(variables), _secrets_name(chunk_id, index))
        for index, variables in secrets.items()
    }


class PackedRecipients(Sequence[ChunkRecipient]):
    """Recipients of a chunk as JSON, each decoded when it is used. As objects they take ten times the memory."""

    def __init__(self, recipients: Iterable[list[Any]]) -> None:
        self._packed = [json_bytes(recipient) for recipient in recipients]
        self._last: tuple[int, ChunkRecipient] | None = None
        """Recipient that was decoded last, until it is used again: once to be measured, and once to be sent."""

    @override
    def __len__(self) -> int:
        return len(self._packed)

    @override
    def __getitem__(self, at: int) -> ChunkRecipient:  # type: ignore[override]  # slices are not needed
        last, self._last = self._last, None
        if last is not None and last[0] == at:
            return last[1]
        recipient = _recipient(orjson.loads(self._packed[at]))
        self._last = at, recipient
        return recipient


def open_chunk_recipients(sealer: Sealer, chunk: Chunk) -> PackedRecipients:
    """Return the addresses and variables of a chunk, with the secrets that are not erased. Raise SealingError."""
    recipients = orjson.loads(sealer.open(chunk.sealed, chunk.id))
    for index, sealed in chunk.sealed_secrets.items():
        recipient = _recipient(recipients[index - chunk.first])
        secrets = orjson.loads(sealer.open(sealed, _secrets_name(chunk.id, index)))
        recipients[index - chunk.first] = _stored(recipient._replace(variables={**recipient.variables, **secrets}))
    return PackedRecipients(recipients)


def _stored(recipient: ChunkRecipient) -> list[Any]:
    to, variables, timezone = recipient
    if timezone is not None:
        return [to, variables, timezone]
    return [to, variables] if variables else [to]


def _recipient(stored: list[Any]) -> ChunkRecipient:
    return ChunkRecipient(*stored) if len(stored) > 1 else ChunkRecipient(stored[0], {})


def _secrets_name(chunk_id: str, index: int) -> str:
    return f"{chunk_id}.secrets.{index}"
