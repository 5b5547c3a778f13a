"""Form in which the ledger keeps the message id of a provider, and the forms under which a receipt may find it."""

from core.send_result import HiddenMessageId
from ledger.sealing import Sealer

_HIDDEN = "hash"


def stored_message_id(message_id: str | HiddenMessageId | None, sealer: Sealer) -> str | None:
    """Return the id as it is stored: as it is, or `hash:<key id>:<32 hexadecimal digits>` if it is hidden."""
    return _hash(message_id.text, sealer, sealer.newest) if isinstance(message_id, HiddenMessageId) else message_id


def possible_message_ids(message_id: str, sealer: Sealer) -> tuple[str, ...]:
    """Return every form in which the ledger may have an id that a receipt names: as it is, and hashed with any key."""
    return (message_id, *hidden_message_ids(HiddenMessageId(message_id), sealer))


def hidden_message_ids(message_id: HiddenMessageId, sealer: Sealer) -> tuple[str, ...]:
    """Return the id hashed with each key, the newest one first."""
    return tuple(_hash(message_id.text, sealer, key_id) for key_id in sealer.key_ids)


def _hash(text: str, sealer: Sealer, key_id: str) -> str:
    value = text.encode("utf-8", "surrogatepass")
    return f"{_HIDDEN}:{key_id}:{sealer.hash(value, key_id).hex()}"
