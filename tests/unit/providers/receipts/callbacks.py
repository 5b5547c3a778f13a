"""Callbacks of vendors for tests: with a signature, and changed by one byte."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from providers.receipts.receipt_format import Callback, ReceiptFormat, UnsignedCallbackError

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
"""Time at which each callback arrives."""
DELIVERY_ID = "log_" + "0" * 26 + "000000001"
URL = "https://receipts.example.org/communication/callback/vendor"


def seconds(before: timedelta = timedelta()) -> str:
    """Return the Unix time of `NOW`, or of some time before it."""
    return str(int((NOW - before).timestamp()))


def a_callback(
    body: bytes, headers: Mapping[str, str] | None = None, url: str = URL, path_secret: str | None = None
) -> Callback:
    return Callback(url, headers or {}, body, NOW, path_secret)


def with_header(callback: Callback, name: str, value: str | None) -> Callback:
    """Return the callback with another value of a header, or without it."""
    headers = {key: old for key, old in callback.headers.items() if key != name}
    return replace(callback, headers=headers if value is None else {**headers, name: value})


def changed_bytes(body: bytes) -> Iterator[bytes]:
    """Yield the body with each of its bytes changed, one at a time."""
    for place, byte in enumerate(body):
        yield body[:place] + bytes([byte ^ 1]) + body[place + 1 :]


async def refuses(receipts: ReceiptFormat, callback: Callback) -> bool:
    """Return whether a callback counts as unsigned."""
    try:
        await receipts.check(callback)
    except UnsignedCallbackError:
        return True
    return False


async def check_that_each_changed_byte_is_refused(receipts: ReceiptFormat, callback: Callback) -> None:
    """Check that the callback is accepted, and that it is refused after a change of any byte of its body."""
    await receipts.check(callback)
    accepted = [
        body for body in changed_bytes(callback.body) if not await refuses(receipts, replace(callback, body=body))
    ]
    assert accepted == []


async def check_that_it_needs_its_headers(receipts: ReceiptFormat, callback: Callback, *names: str) -> None:
    """Check that the callback is refused without each of these headers, and with a wrong value of it."""
    for name in names:
        for value in (None, "", "wrong", "ÿ"):
            with pytest.raises(UnsignedCallbackError):
                await receipts.check(with_header(callback, name, value))
