"""Mail server that keeps what it takes."""

import contextlib
import email
import email.policy
from collections import Counter
from collections.abc import Iterator
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from devstack.processes import free_port

MARK = "zebra"
"""Every local part begins so, and no masked one contains it."""


class MailServer:
    """What a mail server takes, refuses for good, or refuses once, by the local part."""

    def __init__(self) -> None:
        self.taken: list[tuple[list[str], bytes]] = []
        self.asked: Counter[str] = Counter()

    async def handle_RCPT(  # noqa: N802  # aiosmtpd calls it so
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        self.asked[address] += 1
        if address.startswith(f"{MARK}-gone"):
            return "550 5.1.1 no such mailbox"
        if address.startswith(f"{MARK}-busy") and self.asked[address] == 1:
            return "451 4.7.1 greylisted, try again"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.taken.append((list(envelope.rcpt_tos), envelope.content))
        return "250 ok"

    def mails(self) -> dict[str, EmailMessage]:
        """By recipient; nobody got two."""
        found: dict[str, EmailMessage] = {}
        for (address, *_), content in self.taken:  # copies come after the recipient
            assert address not in found
            found[address] = email.message_from_bytes(content, policy=email.policy.default)  # type: ignore[assignment]
        return found


@contextlib.contextmanager
def running_mail_server() -> Iterator[tuple[MailServer, int]]:
    """Run a server, and return it with its port."""
    handler, port = MailServer(), free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield handler, port
    finally:
        controller.stop()
