"""Kind `smtp`: a provider that submits e-mail to a mail server over open connections, in a pipeline (RFC 2920)."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Sequence
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from core.render import MissingVariable
from core.send_result import Failed, Message, SendResult
from providers.bounces.return_path import ReturnPathKey, SignedReturnPath, return_path_problem
from providers.connection_slots import TimeLimits
from providers.draft import NO_TIME, Draft, UnsendableError
from providers.entries import LOOPBACK, CaFile
from providers.mail_entry import MailEntry
from providers.mail_message import Mail, UnusableAddressError, UnusableContentError, compose
from providers.network import Network
from providers.provider import CLOSED
from providers.sender_address import split_sender
from providers.smtp_jobs import MailCall
from providers.smtp_pool import SmtpPool
from providers.smtp_pump import MailPump
from providers.smtp_session import Login, MailServer, SmtpSession
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
    return_path: str | None = Field(
        default=None,
        description="address that bounces go to, such as bounces@example.com. Each e-mail has its own, with a signed "
        "part after a plus sign. Unset: bounces go to the sender.",
    )
    bounce_key: ReturnPathKey | None = Field(
        default=None,
        description="secret that signs the return paths, at least 32 characters. `rollcall bounces` needs it too.",
    )

    @field_validator("return_path")
    @classmethod
    def _return_path(cls, value: str | None) -> str | None:
        if value is not None and (problem := return_path_problem(value)):
            raise ValueError(problem)
        return value

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password must be given together")
        if self.username is not None and self.tls == "none" and self.host not in LOOPBACK:
            raise ValueError("a password must not be sent unencrypted. Set tls to starttls or tls.")
        if (self.return_path is None) != (self.bounce_key is None):
            raise ValueError("return_path and bounce_key must be given together")
        return self


class SmtpProvider:
    """Provider for one mail server. The table of reply codes is in smtp_replies.py."""

    deduplicates = False  # SMTP has no idempotency key, and servers ignore Message-ID
    batch_size = 1_000
    needs_vendor_template = False

    def __init__(
        self,
        entry: SmtpEntry,
        network: Network | None = None,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = entry.name
        self.channel = entry.channel
        self.rate_per_second = entry.rate_per_second
        self.timeout_seconds = entry.timeout_seconds
        self._entry = entry
        sender = split_sender(entry.sender)[1]
        self._signer = _signer(entry)
        self._sender = self._signer.address if self._signer else sender
        self._bulk_headers = entry.bulk_headers()
        self._server = _server(entry, sender, network)
        self._pool = SmtpPool(
            self._server, lambda session, pool: MailPump(session, pool, self._sender, self._compose), monotonic
        )
        self._limits = TimeLimits()
        self._now = now

    async def send(self, drafts: Sequence[Draft]) -> list[SendResult]:
        """Queue the e-mails for the connections, and wait for their results."""
        if self._pool.closed or not drafts:
            return [CLOSED] * len(drafts)
        call, loop = MailCall(drafts), asyncio.get_running_loop()
        waiting_ends = loop.call_later(self.timeout_seconds / 2, self._pool.give_up_waiting, call.jobs)
        try:
            with contextlib.suppress(TimeoutError):
                async with self._limits.within(self.timeout_seconds):
                    self._pool.add(call.jobs)
                    await call.done
        finally:
            waiting_ends.cancel()
            self._pool.end(call.jobs)
        return [job.result or NO_TIME for job in call.jobs]

    async def check(self) -> str | None:
        """Connect, start TLS, log in and name the sender. No e-mail is sent."""
        if self._pool.closed:
            return "provider closed"
        session = SmtpSession(self._server)
        try:
            async with asyncio.timeout(self.timeout_seconds):
                await session.open()
                session.step = "MAIL"
                reply = await session.command(f"MAIL FROM:<{self._sender}>".encode())
                await session.quit()
        except Exception as error:  # noqa: BLE001  # the error is the result of the check
            return self._server.describe(error, session.step)
        finally:
            session.abort()
        return None if reply.code == 250 else f"{session.step}: SMTP {reply.code}"

    def stop(self, within_seconds: float) -> None:
        """Begin no more e-mails. Running ones may take `within_seconds` more."""
        self._pool.close()
        self._limits.shorten(within_seconds)

    async def aclose(self) -> None:
        """Close the idle connections. A busy one is closed after its e-mail."""
        await self._pool.aclose()

    def _compose(self, message: Message) -> Mail:
        """Compose the e-mail. Raises UnsendableError."""
        try:
            mail = compose(message, self._entry.sender, self._bulk_headers, self._now())
            if self._signer is None:
                return mail
            return mail._replace(return_path=self._signer.sign(message.id, mail.path if mail.cc_paths else None))
        except UnusableAddressError:
            failed = Failed(Reason.INVALID_RECIPIENT, "not an address of SMTP")
        except MissingVariable as error:
            failed = Failed(Reason.MISSING_VARIABLE, f"list_unsubscribe: {error}")
        except UnusableContentError:
            failed = Failed(Reason.INVALID_CONTENT, "not usable in a mail's headers or text")
        raise UnsendableError(failed)


def _signer(entry: SmtpEntry) -> SignedReturnPath | None:
    if entry.return_path is None or entry.bounce_key is None:
        return None
    return SignedReturnPath(entry.name, entry.return_path, entry.bounce_key.get_secret_value())


def _server(entry: SmtpEntry, sender: str, network: Network | None) -> MailServer:
    return MailServer(
        host=entry.host,
        port=entry.port or PORTS[entry.tls],
        helo_name=entry.helo_name or _own_name(sender, network),
        tls=None if entry.tls == "none" else client_context(entry.ca_file),
        starttls=entry.tls == "starttls",
        login=Login(entry.username, entry.password) if entry.username and entry.password else None,
        connections=entry.connections,
        timeout_seconds=entry.timeout_seconds,
        network=network,
    )


def _own_name(sender: str, network: Network | None) -> str:
    """Return the name of this machine for EHLO, without a DNS query. The server of a tenant must not learn it."""
    name = "" if network is not None else socket.gethostname()
    return name if "." in name and name.isascii() else sender.rpartition("@")[2]
