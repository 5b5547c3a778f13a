"""Messages that reached the simulator: counts of all of them, and the latest ones."""

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.mask import mask_email, mask_phone
from providers.simulated_results import SimulatedResult
from schemas.statuses import Channel

MAX_ID_CHARACTERS = 200
"""Maximum length of a delivery id, in characters. A longer one is cut."""

MAX_TEXT_CHARACTERS = 4_096
"""Maximum length of a subject and of a text, in characters. Longer ones are cut."""

_MASKS = {Channel.SMS: mask_phone, Channel.EMAIL: mask_email}


@dataclass(slots=True, repr=False)
class Delivery:
    """Message that reached one of the servers, with at most so much of it as is kept. Its repr shows only its id."""

    id: str
    channel: Channel
    to: str
    subject: str | None = None
    text: str = ""
    message_id: str = ""
    """Id by which the sender knows the message. Default: that of the answer over HTTP."""

    def __post_init__(self) -> None:
        """Cut what is too long."""
        self.id = _valid(self.id[:MAX_ID_CHARACTERS])
        self.message_id = _valid(self.message_id[:MAX_ID_CHARACTERS]) or f"sim-{self.id}"
        self.to = _valid(self.to)
        self.subject = None if self.subject is None else _valid(self.subject[:MAX_TEXT_CHARACTERS])
        self.text = _valid(self.text[:MAX_TEXT_CHARACTERS])

    def __repr__(self) -> str:
        return f"Delivery({self.id})"


class ReceivedMessages:
    """Counts by channel and result, and the latest `keep` messages. Addresses are masked unless `show` is true."""

    def __init__(self, keep: int, *, show: bool) -> None:
        self.show = show
        """True to keep whole addresses, subjects and texts."""
        self._counts: dict[Channel, dict[SimulatedResult, int]] = {}
        self._last: deque[dict[str, Any]] = deque(maxlen=keep)
        self.forget()

    def add(self, delivery: Delivery, result: SimulatedResult) -> None:
        """Count a message, and keep it in the place of the oldest one."""
        self._counts[delivery.channel][result] += 1
        shown: dict[str, Any] = {
            "time": datetime.now(UTC),
            "id": delivery.id,
            "channel": delivery.channel,
            "to": delivery.to if self.show else _MASKS[delivery.channel](delivery.to),
            "result": result,
        }
        if self.show:
            shown |= {"subject": delivery.subject, "text": delivery.text}
        self._last.append(shown)

    def document(self) -> dict[str, Any]:
        """Return the counts by channel and result, and the latest messages, newest first."""
        return {"counts": self._counts, "last": list(reversed(self._last))}

    def forget(self) -> None:
        """Begin again with zero counts and no messages."""
        self._counts = {channel: dict.fromkeys(SimulatedResult, 0) for channel in Channel}
        self._last.clear()


def _valid(text: str) -> str:
    """Return the text with question marks for lone surrogates, which neither UTF-8 nor JSON can have."""
    return text.encode(errors="replace").decode()
