"""Values of callbacks: bounded, and in the shapes of receipts."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from providers.receipts.receipt_format import Callback, UnreadableCallbackError, UnsignedCallbackError

MAX_RECEIPTS = 1_000
"""Maximum number of receipts of one call."""
MAX_FUTURE_SECONDS = 300
"""Maximum time by which the vendor's clock may be ahead of ours, in seconds."""
UNKNOWN_CODE = "unknown"
"""Code of a receipt whose own code must not be shown."""

_MAX_AGE = timedelta(days=366)
_MAX_ID = 200
_MAX_ADDRESS = 320
_CODE = re.compile(r"(?!.*[0-9]{7})[A-Za-z0-9_.:-]{1,40}")
"""Shape of a code that may be shown. It cannot be an address: seven digits in a row may be a phone number."""


def read_json(body: bytes | str) -> Any:
    """Return the JSON of a body, which has at most 1,024 levels. Raises UnreadableCallbackError."""
    try:
        return orjson.loads(body)
    except ValueError:
        raise UnreadableCallbackError("body is not valid JSON") from None


def read_object(body: bytes | str) -> dict[str, Any]:
    """Return the JSON object of a body. Raises UnreadableCallbackError."""
    value = read_json(body)
    if not isinstance(value, dict):
        raise UnreadableCallbackError("body is not a JSON object")
    return value


def read_objects(body: bytes) -> list[dict[str, Any]]:
    """Return the objects of a JSON array. Raises UnreadableCallbackError."""
    value = read_json(body)
    if not isinstance(value, list) or len(value) > MAX_RECEIPTS:
        raise UnreadableCallbackError(f"body is not a JSON array of at most {MAX_RECEIPTS} receipts")
    if not all(isinstance(item, dict) for item in value):
        raise UnreadableCallbackError("item of the body is not a JSON object")
    return value


def inner(value: object, *names: str) -> object:
    """Return the value under nested names, or None."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def text_of(value: object) -> str:
    """Return a text, or the empty one for a value of another type. The text of a nested value may be endless."""
    return value if isinstance(value, str) else ""


def id_of(value: object) -> str | None:
    """Return an id of 1 to 200 characters, or None."""
    return value if isinstance(value, str) and 0 < len(value) <= _MAX_ID else None


def address_of(value: object) -> str | None:
    """Return an address of 1 to 320 characters, or None."""
    return value if isinstance(value, str) and 0 < len(value) <= _MAX_ADDRESS else None


def shown_code(value: object) -> str:
    """Return a code of the vendor, or `unknown` for one that may show an address."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else UNKNOWN_CODE


def occurred_at(moment: datetime | None, received_at: datetime) -> datetime:
    """Return the time of a receipt. One that is missing, in the future or very old becomes that of the arrival."""
    if moment is None or not received_at - _MAX_AGE <= moment <= received_at:
        return received_at
    return moment.astimezone(UTC)


def check_age(signed_at: datetime, callback: Callback, max_age_seconds: int) -> None:
    """Raise UnsignedCallbackError for a signed time stamp that is too old, or in the future."""
    age = (callback.received_at - signed_at).total_seconds()
    if not -MAX_FUTURE_SECONDS <= age <= max_age_seconds:
        raise UnsignedCallbackError("time stamp is too old or in the future")
