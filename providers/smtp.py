"""Kind `smtp`: a provider that submits e-mail to a mail server over persistent connections."""

import asyncio
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from core.render import MissingVariable
from core.send_result import Failed, Message, Retry, SendResult
from providers.connection_slots import ConnectionSlots, NoFreeConnectionError
from providers.draft import Draft, UnsendableError
from providers.entries import LOOPBACK, CaFile
from providers.mail_entry import MailEntry
from providers.mail_message import Mail, UnusableAddressError, UnusableContentError, compose
from providers.provider import CLOSED, NO_FREE_CONNECTION, OneByOne
from providers.result_codes import ResultKind, result_for, safe_description
from providers.sender_address import split_sender
from providers.smtp_connections import NoConnectionError, SmtpConnections
from providers.smtp_replies import SessionRefusedError, refused, refuses_login
from providers.smtp_session import Login, MailProgress, ServerAddress, SmtpSession
from providers.tls import client_context
from schemas.statuses import Reason

PORTS = {"none": 25, "starttls": 587, "tls": 465}


class SmtpEntry(MailEntry):
    """Settings of a mail server for submission."""

    kind: Literal["smtp"]
    host: str = Field(pattern=r"^[A-Za-z0-9.:_-]{1,253}$", description="host name of the mail server")
    port: int | None = Field(
        default=None, ge=1, le=65535, description="port of the mail server. Unset: 25, 587 (starttls) or 465 (tls)."
    )
    tls: Literal["none", "starttls", "tls"] = Field(
        default="starttls", description="encryption. With starttls the server must offer it, else nothing is sent."
    )
    username: str | None = Field(default=None, min_length=1)
    password: SecretStr | None = None
    ca_file: CaFile | None = Field(
        default=None, description="PEM file of the authorities to trust, instead of the system's"
    )
    connections: int = Field(
        default=8, ge=1, le=1_000, description="maximum number of open connections. Each sends one e-mail at a time."
    )
    helo_name: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9.:\[\]-]{1,253}$",
        description="name of this machine in EHLO. Unset: its host name, or the domain of the sender if it has no dot.",
    )

    @model_validator(mode="after")
    def _login(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password must be given together")
        if self.username is not None and self.tls == "none" and self.host not in LOOPBACK:
            raise ValueError("a password must not be sent unencrypted. Set tls to starttls or tls.")
        return self


class SmtpProvider(OneByOne):
    """Provider for one mail server. The table of reply codes is in smtp_replies.py."""

    deduplicates = False  # SMTP has no idempotency key, and servers ignore Message-ID

    def __init__(
        self,
        entry: SmtpEntry,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = entry.name
        self.channel = entry.channel
        self.rate_per_second = entry.rate_per_second
        self.timeout_seconds = entry.timeout_seconds
        self._entry = entry
        self._sender = split_sender(entry.sender)[1]
        self._list_unsubscribe = entry.unsubscribing()
        self._address = ServerAddress(
            host=entry.host,
            port=entry.port or PORTS[entry.tls],
            helo_name=entry.helo_name or _own_name(self._sender),
            tls=None if entry.tls == "none" else client_context(entry.ca_file),
            starttls=entry.tls == "starttls",
        )
        self._login = Login(entry.username, entry.password) if entry.username and entry.password else None
        self._slots = ConnectionSlots(entry.connections, entry.timeout_seconds, monotonic)
        self._connections = SmtpConnections(self._open, self._slots, monotonic)
        self._now = now
        self._closed = False

    async def send_one(self, draft: Draft) -> SendResult:
        """Send one e-mail over a connection that no other send uses meanwhile."""
        if self._closed:
            return CLOSED
        progress = MailProgress()
        try:
            return await self._send(draft, progress)
        except NoFreeConnectionError:
            return CLOSED if self._closed else NO_FREE_CONNECTION
        except NoConnectionError as refusal:
            return Retry(Reason.RATE_LIMITED, str(refusal), unreachable=True)
        except Exception as error:  # noqa: BLE001  # after any exception of the client there is no answer
            kind = ResultKind.NO_ANSWER if progress.ended else ResultKind.UNAVAILABLE
            if progress.is_opening and isinstance(error, TimeoutError) and self._connections.shrink():
                kind = ResultKind.RATE_LIMITED  # the server answers to other connections, so the mail can wait
            if isinstance(error, SessionRefusedError) and refuses_login(error.reply):
                kind = ResultKind.CREDENTIALS
            return result_for(kind, f"{progress.step}: {_describe(error)}")

    async def check(self) -> str | None:
        """Connect, start TLS, log in and name the sender. No e-mail is sent."""
        if self._closed:
            return "provider closed"
        progress = MailProgress()
        try:
            async with asyncio.timeout(self.timeout_seconds):
                session = await self._open(progress)
                try:
                    reply = await session.envelope(self._sender, "", progress)
                    await session.quit()
                finally:
                    session.abort()
        except Exception as error:  # noqa: BLE001  # the error is the result of the check
            return f"{progress.step}: {_describe(error)}"
        return None if reply.code == 250 else f"{progress.step}: SMTP {reply.code}"

    def stop(self, within_seconds: float) -> None:
        """Begin no more e-mails. Running ones may take `within_seconds` more."""
        self._closed = True
        self._slots.stop(within_seconds)

    async def aclose(self) -> None:
        """Close the idle connections. A busy one is closed after its e-mail."""
        self._closed = True
        await self._connections.aclose()

    def _compose(self, message: Message) -> Mail:
        """Compose the e-mail. Raises UnsendableError."""
        try:
            return compose(message, self._entry.sender, self._list_unsubscribe, self._now())
        except UnusableAddressError:
            failed = Failed(Reason.INVALID_RECIPIENT, "not an address of SMTP")
        except MissingVariable as error:
            failed = Failed(Reason.MISSING_VARIABLE, f"list_unsubscribe: {error}")
        except UnusableContentError:
            failed = Failed(Reason.INVALID_CONTENT, "not usable in a mail's headers or text")
        raise UnsendableError(failed)

    async def _send(self, draft: Draft, progress: MailProgress) -> SendResult:
        """Send over the connections that the server takes. One that it no longer serves is replaced by another."""
        async with self._slots.send_time() as latest_start:
            async with self._slots.slot(draft.lane, latest_start):
                mail = await draft.prepare(self._compose)
                answer = await self._hand_over(mail, progress)
            while answer is None:
                async with self._slots.slot(draft.lane, latest_start, again=True):
                    answer = await self._hand_over(mail, progress)
            return answer

    async def _hand_over(self, mail: Mail, progress: MailProgress) -> SendResult | None:
        """Return the result, or None if the mail was certainly not accepted and another connection may take it."""
        if self._closed:  # closed while this send waited for a connection
            return CLOSED
        session = await self._connections.take(progress)
        if session is None:
            return None
        try:
            answer = await session.hand_over(mail, self._sender, progress)
        except BaseException as error:
            self._connections.drop(session)
            if not isinstance(error, Exception):
                raise
            if not session.is_fresh and progress.step in {"MAIL", "RCPT", "DATA"}:
                return None  # such as the limit of mails per connection, or a server that closed it just now
            return self._result_of_failure(error, progress)
        self._connections.give_back(session)
        return answer

    def _result_of_failure(self, error: Exception, progress: MailProgress) -> SendResult | None:
        """Return the result of a mail whose connection failed. Raises the error if it is not a reply."""
        if not isinstance(error, SessionRefusedError):
            raise error
        if error.is_limit and self._connections.shrink() and progress.step == "MAIL":
            return None
        return refused(error.reply, progress.step)

    async def _open(self, progress: MailProgress) -> SmtpSession:
        session = SmtpSession(self._address)
        try:
            await session.open(self._login, progress)
        except BaseException:
            session.abort()
            raise
        return session


def _own_name(sender: str) -> str:
    """Return the name of this machine for EHLO, without a DNS query."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else sender.rpartition("@")[2]


def _describe(error: Exception) -> str:
    return str(error) if isinstance(error, SessionRefusedError) else safe_description(error)
