"""Forms of callbacks, with a bounded number of fields."""

from urllib.parse import parse_qsl

from providers.receipts.receipt_format import Callback, UnreadableCallbackError

MAX_FIELDS = 200
"""Maximum number of fields of a form, and of parameters of a URL."""


def read_form(body: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form in their order, also the empty ones. Raises UnreadableCallbackError."""
    try:
        return _pairs(body.decode())
    except ValueError:
        raise UnreadableCallbackError(f"body is not a form of at most {MAX_FIELDS} fields") from None


def read_query(url: str) -> dict[str, str]:
    """Return the parameters of a URL. Raises UnreadableCallbackError."""
    query = url.partition("?")[2]
    try:
        return dict(_pairs(query)) if query else {}
    except ValueError:
        raise UnreadableCallbackError(f"URL has no query of at most {MAX_FIELDS} parameters") from None


def has_json(callback: Callback) -> bool:
    """Return whether the header says that the body is JSON."""
    media_type = callback.headers.get("content-type", "").partition(";")[0]
    return media_type.strip().lower() == "application/json"


def _pairs(text: str) -> list[tuple[str, str]]:
    """Return the fields of a text. Raises ValueError for a part without `=`, wrong UTF-8, and too many fields."""
    return parse_qsl(
        text, keep_blank_values=True, strict_parsing=True, max_num_fields=MAX_FIELDS, errors="strict", separator="&"
    )
