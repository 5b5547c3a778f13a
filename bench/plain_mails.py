"""Plain sender of e-mails with aiosmtplib, as its documentation teaches it.

There is no Kafka, no log of a recipient and no retry. Each connection sends one mail at a time, and waits for the reply
to each command (https://aiosmtplib.readthedocs.io/en/stable/client.html).
"""

import asyncio
import time
from collections.abc import Iterable
from email.message import EmailMessage

from aiosmtplib import SMTP

from bench.mails import SENDER
from bench.workload import MAIL_SUBJECT, code, mail_content, mailbox


async def plain_rate(port: int, connections: int, mails: int, text_bytes: int) -> float:
    """Return the mails per second of concurrent connections to a server on loopback.

    Raise SMTPException if the server refuses a mail.
    """
    content = mail_content(text_bytes)
    began = time.monotonic()
    await asyncio.gather(*(_send(port, range(first, mails, connections), content) for first in range(connections)))
    return mails / (time.monotonic() - began)


async def _send(port: int, people: Iterable[int], content: str) -> None:
    async with SMTP(hostname="127.0.0.1", port=port, start_tls=False) as connection:
        for person in people:
            mail = EmailMessage()
            mail["From"], mail["To"], mail["Subject"] = SENDER, mailbox(person), MAIL_SUBJECT
            mail.set_content(content.replace("{{code}}", code(person)))
            await connection.send_message(mail)
