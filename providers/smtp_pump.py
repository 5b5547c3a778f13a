"""One connection at work: e-mail after e-mail, each in one round trip (RFC 2920).

The content of an e-mail is written before its final dot. So a connection that is cut before the dot leaves the e-mail
certainly unsent. The dot travels with the envelope of the next e-mail, in one write.
"""

import asyncio
from collections.abc import Callable, Sequence

from core.send_result import Failed, Message, SendResult, Sent
from providers.draft import NO_TIME, WITHDRAWN, NotPreparedError
from providers.mail_message import Mail
from providers.provider import CLOSED
from providers.result_codes import ResultKind, result_for
from providers.smtp_jobs import JobSource, MailJob
from providers.smtp_replies import (
    Reply,
    SessionRefusedError,
    UnreadableReplyError,
    describe,
    refused,
    refuses_session,
    show,
)
from providers.smtp_session import DATA, DOT, RESET, Command, SmtpSession
from schemas.statuses import Reason

GO_ON = 354
"""Reply code to DATA that asks for the e-mail."""


class MailPump:
    """Sender over one open connection."""

    def __init__(
        self, session: SmtpSession, source: JobSource, sender: str, compose: Callable[[Message], Mail]
    ) -> None:
        self.session, self._source, self._sender, self._compose = session, source, sender, compose
        self._job: MailJob | None = None
        """E-mail whose envelope is under way."""
        self._ending: MailJob | None = None
        """E-mail whose content was written, and whose result is not known."""
        self._ending_reply: Reply | None = None
        self._next: MailJob | None = None
        self.wake: asyncio.Future[bool] | None = None
        """Set while the connection is idle."""

    async def run(self) -> None:
        """Send e-mails until the connection is closed or fails."""
        try:
            while (job := await self._source.next_job(self)) is not None:
                self._job = await self._prepared(job)
                if self._job:
                    await self.session.wire.expect_silence()
                    self._begin(self._job)
                while self._job or self._ending:
                    await self._turn()
            await self.session.quit()
        except Exception as error:  # noqa: BLE001  # after any exception the connection is of no more use
            self._fail(error)
        finally:
            self.session.abort()

    def expire(self, job: MailJob) -> None:
        """End an e-mail whose time is over. The connection ends with it."""
        if job is self._ending:
            job.settle(self._result_of_ending(TimeoutError()))
            self.session.abort()
        elif job is self._job:
            job.settle(result_for(ResultKind.UNAVAILABLE, f"{job.step}: {describe(TimeoutError())}"))
            if self._ending is None or self._ending_reply:  # else the reply to that one is waited for
                self.session.abort()
        else:
            job.settle(NO_TIME)

    async def _prepared(self, job: MailJob | None) -> MailJob | None:
        """Return the e-mail, made for this connection, or None if it has a result already."""
        if job is None or job.result is not None:
            return None
        job.pump, job.step = self, "MAIL"
        if job.mail is None:
            try:
                job.mail = await job.draft.prepare(self._compose)
            except (NotPreparedError, asyncio.CancelledError):
                if (task := asyncio.current_task()) and task.cancelling():
                    raise
                job.settle(job.draft.problem or NO_TIME)
                return None
        if (problem := self._problem(job.mail)) is not None:
            job.settle(problem)
        return job if job.result is None else None

    def _problem(self, mail: Mail) -> SendResult | None:
        """Return the result of an e-mail that this server would refuse."""
        if mail.needs_utf8 and not self.session.offers("SMTPUTF8"):
            return Failed(Reason.REJECTED, "the server does not support addresses in UTF-8")
        most = self.session.max_bytes
        if most is not None and len(mail.content) > most:
            return Failed(Reason.TOO_LONG, "longer than the server's SIZE")
        return None

    async def _turn(self) -> None:
        """End the e-mail whose content was written, begin the next one, and write its content if the server asks."""
        job = self._job
        refusal = await self._exchange(job)
        self._settle_ending()
        if job is None:
            return
        if job.result is not None or (refusal is None and not job.draft.may_leave()):
            job.settle(WITHDRAWN)
            raise ConnectionAbortedError  # an e-mail that has begun can only be ended by its connection
        self.session.is_fresh = False
        if refusal is not None:
            job.settle(refusal)
        else:
            await self._write_content(job)
            self._ending = job
        following, self._next = self._next, None
        if following and self._source.closed:
            following.settle(CLOSED)
        self._begin(following)

    def _begin(self, job: MailJob | None) -> None:
        """Let the envelope of an e-mail leave next, unless it has a result or may not leave any more."""
        if job and job.result is None and not job.draft.may_leave():
            job.settle(WITHDRAWN)
        self._job = job if job and job.result is None else None

    async def _exchange(self, job: MailJob | None) -> SendResult | None:
        """Write the dot and the next envelope, together if the server allows it. Return the refusal of the envelope."""
        mail = job.mail if job else None
        commands = self.session.envelope(mail, self._sender) if mail else []
        together = self.session.offers("PIPELINING")
        dot = [DOT] if self._ending else []
        if self._ending:
            self._ending.ended, self._ending.step = True, "end of data"
        if lines := [*dot, *(line for _, line in commands if together)]:
            self.session.wire.ask(*lines)
        if together and job:
            self._next = await self._prepared(self._source.prefetch())
        if dot:
            reply = self.session.wire.take() or await self.session.wire.read()
            refused(reply, "end of data")  # raises an error if it is no answer to a mail
            self._ending_reply = reply
        if job is None or mail is None:
            return None
        refusal, asks = await self._replies(job, commands, is_written=together)
        if refusal is None and mail.cc_paths:
            refusal, asks = await self._name_copies(job, mail, together=together)
        self.session.needs_reset = refusal is not None and not asks
        if refusal is not None and asks:  # the server would take an e-mail without its recipient
            await self._replies(None, [("RCPT", DOT)])
        return refusal

    async def _replies(
        self, job: MailJob | None, commands: Sequence[Command], *, is_written: bool = False
    ) -> tuple[SendResult | None, bool]:
        """Read the reply to each command. Return the first refusal, and whether the server asks for the content.

        Commands that are not written yet go one by one, until one is refused.
        """
        refusal, asks = None, False
        for step, line in commands:
            if job:
                job.step = step
            if not is_written:
                self.session.wire.ask(line)
            reply = self.session.wire.take() or await self.session.wire.read()
            asks = step == "DATA" and reply.code == GO_ON
            refusal = refusal or (_refusal(reply, step, line) if job and not asks else None)
            if refusal is not None and not is_written:
                break
        return refusal, asks

    async def _name_copies(self, job: MailJob, mail: Mail, *, together: bool) -> tuple[SendResult | None, bool]:
        """Name the CC addresses, once the recipient is accepted, and ask to send. A refused copy changes no result."""
        copies = [f"RCPT TO:<{path}>\r\n".encode() for path in mail.cc_paths]
        if together:
            self.session.wire.ask(*copies, DATA)
        refused_copies = 0
        for line in copies:
            if not together:
                self.session.wire.ask(line)
            refused_copies += _refusal(await self.session.wire.read(), "RCPT", line) is not None
        job.copies = f", {refused_copies} of {len(copies)} CC refused" if refused_copies else ""
        return await self._replies(job, [("DATA", DATA)], is_written=together)

    async def _write_content(self, job: MailJob) -> None:
        """Write the e-mail without its dot. If the connection is lost before the dot, the e-mail was not accepted."""
        job.step = "content"
        if job.mail:
            self.session.wire.write(job.mail.content.replace(b"\r\n.", b"\r\n.."))
            job.message_id, job.mail = job.mail.message_id, None
        await self.session.wire.drain()
        await self.session.wire.expect_silence()

    def _settle_ending(self) -> None:
        """Set the result of the e-mail that the server has answered, now that each reply had its command."""
        job, reply = self._ending, self._ending_reply
        if job is None or reply is None:
            return
        result = self._result_of_ending(None)
        self._ending = self._ending_reply = None
        job.settle(result)
        if refuses_session(reply):
            raise SessionRefusedError(reply)

    def _result_of_ending(self, error: Exception | None) -> SendResult:
        """Return the result of the e-mail whose content was written. After a reply too many, none can be trusted."""
        job, reply = self._ending, self._ending_reply
        if job is None:
            raise AssertionError("only an e-mail whose content was written ends")
        if reply is not None and not isinstance(error, UnreadableReplyError):
            return refused(reply, "end of data") or Sent(job.message_id, show(reply) + job.copies)
        kind = ResultKind.NO_ANSWER if job.ended else ResultKind.UNAVAILABLE
        return result_for(kind, f"{job.step}: {describe(error or ConnectionResetError())}")

    def _fail(self, error: Exception) -> None:
        """Set the results of the e-mails of a connection that failed. One that can go elsewhere is put back."""
        if self._ending:
            self._ending.settle(self._result_of_ending(error))
        if self._next:
            self._source.requeue(self._next)
        if (job := self._job) is None or job.result is not None:
            return
        limit = isinstance(error, SessionRefusedError) and error.is_limit and job.step == "MAIL"
        before_content = job.step in {"MAIL", "RCPT", "DATA"}
        if (before_content and not self.session.is_fresh) or (limit and self._source.shrink(self)):
            # Such as the limit of mails per connection, or a server that closed it just now.
            self._source.requeue(job)
        elif isinstance(error, SessionRefusedError):
            job.settle(refused(error.reply, job.step) or result_for(ResultKind.NO_ANSWER, describe(error)))
        else:
            job.settle(result_for(ResultKind.UNAVAILABLE, f"{job.step}: {describe(error)}"))


def _refusal(reply: Reply, step: str, line: bytes) -> SendResult | None:
    """Return None if the server accepts, else the result of its refusal. Raises an error if it refuses the session."""
    if reply.code == 250 and line != DATA:  # nearly all replies
        return None
    if refuses_session(reply):
        raise SessionRefusedError(reply)
    if line == RESET:
        raise UnreadableReplyError
    result = refused(reply, step)
    if result is None and line == DATA:
        raise UnreadableReplyError
    return result
