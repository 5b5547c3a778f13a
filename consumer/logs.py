"""Messages and logs of one chunk: what is alike for all its deliveries is taken from the request once."""

from datetime import datetime

from core.ids import LogId, log_prefix
from core.outcome import Message
from core.verdict import Ended
from core.work import Decided
from ledger.sealing import HASH_BYTES, Sealed
from ledger.texts import Text
from ledger.values import Chunk, Head, Log
from schemas.statuses import Status


class LogMaker:
    """Makes the messages and the logs of a chunk."""

    def __init__(self, chunk: Chunk, head: Head) -> None:
        self._chunk, self._head = chunk, head
        self._prefix = log_prefix(chunk.key, chunk.part)

    def id(self, index: int) -> LogId:
        """The log id of a delivery, which is its delivery id too."""
        return LogId(f"{self._prefix}{index:05x}")

    def message(self, index: int, recipient: Sealed, text: Text) -> Message:
        """The rendered message; raises core.render.RenderError."""
        to, variables = recipient
        return Message(
            id=self.id(index),
            channel=self._chunk.channel,
            to=to,
            text=text.content.render(variables, text.variables),
            subject=text.subject.render(variables, text.variables) if text.subject else None,
            is_html=text.html,
            reference=self._reference(index),
            tenant_id=self._head.tenant_id,
        )

    def decided(self, decided: Decided, now: datetime) -> Log:
        """The log of what was decided before."""
        ended = Ended(decided.status, decided.reason, decided.error)
        return self.ended(decided.index, ended, decided.attempts, decided.provider, now)

    def ended(self, index: int, ended: Ended, attempts: int, provider: str | None, now: datetime) -> Log:
        """The log of an outcome."""
        at, head = index - self._chunk.first, self._head
        return Log(
            id=self.id(index),
            tenant_id=head.tenant_id,
            user_id=head.user_id,
            request_id=head.request_id,
            channel=head.channel,
            recipient=self._chunk.masked[at],
            recipient_hash=self._chunk.hashes[at * HASH_BYTES : (at + 1) * HASH_BYTES],
            reference=self._reference(index),
            status=ended.status,
            outcome=ended.status,
            reason=ended.reason,
            provider=provider,
            provider_message_id=ended.message_id,
            response=ended.response,
            error=ended.error,
            template_id=head.template_id,
            attempts=attempts,
            created_at=head.accepted_at,
            updated_at=now,
            sent_at=now if ended.status is Status.SENT else None,
        )

    def _reference(self, index: int) -> str | None:
        references = self._chunk.references
        return references[index - self._chunk.first] if references else None
