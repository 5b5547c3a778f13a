"""Callbacks of vendors, as the endpoint hands them to a format."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson

from providers.receipts.receipt_format import Callback

RECEIVED_AT = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)
PATH_SECRET = "p" * 31 + "_"
DELIVERY_ID = "log_" + "0" * 26 + "a" * 9


def a_callback(body: object, *, path_secret: str | None = PATH_SECRET, received_at: datetime = RECEIVED_AT) -> Callback:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return Callback("https://rollcall.example/communication/callback/x", {}, content, received_at, path_secret)


def changed_bytes(text: str) -> Iterable[str]:
    """Yield the text once for each of its characters, with this one changed."""
    for place, character in enumerate(text):
        yield text[:place] + ("0" if character != "0" else "1") + text[place + 1 :]


def without(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != name}
