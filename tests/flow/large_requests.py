"""Parts of requests that use their bounds, for the tests of the event loop."""

from typing import Any

from schemas.requests import MAX_EMAIL_BYTES

MAX_STALL_SECONDS = 0.25
LINK = "<a href='http://x/'>y</a>"


def fill(piece: str, size: int = MAX_EMAIL_BYTES - 2_000) -> str:
    return piece * (size // len(piece.encode()))


def numbers(count: int, form: str = "+86138{:08d}") -> list[str]:
    return [form.format(number) for number in range(count)]


def mails(count: int, form: str = "u{}@example.com", **more: Any) -> list[dict[str, Any]]:
    return [{"to": form.format(number), **more} for number in range(count)]


MAIL = {"channel": "email", "subject": "Hi {{a}}"}
A = {"variables": {"a": "<&>"}}
