"""E-mails on their way to a connection, and the calls that wait for their results."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from core.send_result import SendResult
from providers.draft import Draft
from providers.mail_message import Mail

if TYPE_CHECKING:
    from providers.smtp_pump import MailPump


class MailJob:
    """One e-mail, and what is known of it."""

    __slots__ = ("_call", "copies", "draft", "ended", "mail", "message_id", "pump", "result", "step")

    def __init__(self, draft: Draft, call: "MailCall") -> None:
        self.draft, self._call = draft, call
        self.mail: Mail | None = None
        """E-mail as it is sent, from when it is made until its content was written.

        It is not kept longer, because the call may wait for a thousand others.
        """
        self.message_id: str | None = None
        """Message-ID of an e-mail whose content was written."""
        self.pump: MailPump | None = None
        """Connection that took it."""
        self.step = "MAIL"
        """Command whose reply it waits for."""
        self.copies = ""
        """Note for the response, if copies were refused."""
        self.ended = False
        """True if the dot that ends the e-mail may have been sent. The server may have accepted the e-mail then."""
        self.result: SendResult | None = None

    def settle(self, result: SendResult) -> None:
        """Set the result, if there is none."""
        if self.result is None:
            self.result, self.mail = result, None
            self._call.settled_one()


class MailCall:
    """E-mails of one `send`."""

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self.jobs = [MailJob(draft, self) for draft in drafts]
        self._left = len(self.jobs)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settled_one(self) -> None:
        """Count an e-mail with a result."""
        self._left -= 1
        if not self._left and not self.done.done():
            self.done.set_result(None)


class JobSource(Protocol):
    """Queue that a connection takes its e-mails from."""

    async def next_job(self, pump: "MailPump") -> MailJob | None:
        """Wait for an e-mail. Return None if the connection is to be closed."""

    def prefetch(self) -> MailJob | None:
        """Return the next e-mail, if there are enough for every connection."""

    def requeue(self, job: MailJob) -> None:
        """Put an e-mail that was certainly not sent before all others."""

    @property
    def closed(self) -> bool:
        """Return whether no more e-mail may begin."""

    def shrink(self, pump: "MailPump") -> bool:
        """Reduce the connections to those that are open beside this one. Return whether there is another one."""
