"""Callbacks of vendors that write JSON, with a secret in their path."""

from collections.abc import Iterator
from typing import Any

import orjson

from providers.receipts.receipt_format import Callback
from tests.unit.providers.receipts.callbacks import a_callback

PATH_SECRET = "p" * 31 + "_"


def json_callback(body: object, path_secret: str | None = PATH_SECRET) -> Callback:
    return a_callback(body if isinstance(body, bytes) else orjson.dumps(body), path_secret=path_secret)


def changed_characters(text: str) -> Iterator[str]:
    """Yield the text with each of its characters changed, one at a time."""
    for place, character in enumerate(text):
        yield text[:place] + ("0" if character != "0" else "1") + text[place + 1 :]


def without(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != name}
