"""Attacks by what a text weighs: HTML, placeholders, variables, and answers that show all of it."""

import asyncio
from typing import Any

from tests.torture.attacks.hostile_tenant import HostileTenant, attack

RECIPIENTS = 100
LINK = "<a href='http://x/'>y</a>"
UNREAD_CONNECTIONS = 15
UNREAD_SECONDS = 5.0
CALLS_PER_CONNECTION = 8


@attack("each mail takes a quarter of a second of the event loop", pause_seconds=0.5)
async def heavy_html(hostile: HostileTenant) -> None:
    """Mails of HTML: some near the bound, some beyond it."""
    links = hostile.rng.choice((2_000, 9_000, 10_000, 17_000))
    content = "<p>" + LINK * links
    await hostile.post({**_mail(hostile, "email"), "content": content, "subject": "Hello"})


@attack("a compiled text takes ten times its size", pause_seconds=0.3)
async def many_placeholders(hostile: HostileTenant) -> None:
    content = "{{v}}" * hostile.rng.choice((200, 900, 1_000, 20_000, 74_000))
    channel = hostile.rng.choice(("sms", "email"))
    await hostile.post({**_mail(hostile, channel, v=""), "content": content})


@attack("a consumer holds windows of full texts", pause_seconds=0.3)
async def big_variables(hostile: HostileTenant) -> None:
    """A short text that every recipient fills with a long value."""
    size = hostile.rng.choice((200, 1_500, 30_000, 100_000))
    channel = hostile.rng.choice(("sms", "email"))
    await hostile.post({**_mail(hostile, channel, v="x" * size), "content": "{{v}}"})


@attack("an answer is a hundred times its request, and is held for a caller that does not read", pause_seconds=0.5)
async def unread_answers(hostile: HostileTenant) -> None:
    """Lists of all its requests and logs, over connections that read nothing."""

    async def ask() -> None:
        async with hostile.connection() as connection:
            connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
            for number in range(CALLS_PER_CONNECTION):
                path = "/communication/requests" if number % 2 else "/communication/logs"
                connection.writer.write(hostile.head("GET", f"{path}?page_size=100", {}))
            hostile.count("unread")
            await asyncio.sleep(UNREAD_SECONDS)

    await asyncio.gather(*(ask() for _ in range(UNREAD_CONNECTIONS)))


@attack("large lists", pause_seconds=0.2)
async def large_answers(hostile: HostileTenant) -> None:
    path = hostile.rng.choice(("/communication/requests?page_size=100", "/communication/logs?page_size=100"))
    await hostile.call("GET", path)


def _mail(hostile: HostileTenant, channel: str, **variables: str) -> dict[str, Any]:
    numbers = [hostile.number() for _ in range(RECIPIENTS)]
    recipients = [f"r{number}@example.com" if channel == "email" else number for number in numbers]
    subject = {"subject": "Hello"} if channel == "email" else {}
    said = [{"to": to, "variables": variables} if variables else to for to in recipients]
    return {"channel": channel, "recipients": said, **subject}
