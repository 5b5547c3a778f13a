"""Forms of callbacks, with a bounded number of fields."""

from urllib.parse import parse_qsl

from providers.receipts.receipt_format import Callback, UnreadableCallbackError

MAX_FIELDS = 200
"""Maximum number of fields of a form, and of parameters of a URL."""


def read_form(body: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form in their order, also the empty ones. Raises UnreadableCallbackError."""
    try:
        return _pairs(body.decode(), is_strict=True)
    except ValueError:
        raise UnreadableCallbackError(f"body is not a form of at most {MAX_FIELDS} fields") from None


def read_query(url: str) -> dict[str, str]:
    """Return the parameters of a URL. Raises UnreadableCallbackError."""
    try:
        return dict(_pairs(url.partition("?")[2], is_strict=False))
    except ValueError:
        raise UnreadableCallbackError(f"URL has no query of at most {MAX_FIELDS} parameters") from None


def has_json(callback: Callback) -> bool:
    """Return whether the header says that the body is JSON."""
    media_type = callback.headers.get("content-type", "").partition(";")[0]
    return media_type.strip().lower() == "application/json"


def _pairs(text: str, *, is_strict: bool) -> list[tuple[str, str]]:
    """Return the fields of a text. Raises ValueError for wrong UTF-8, too many fields, and a part without `=`."""
    return parse_qsl(
        text,
        keep_blank_values=True,
        strict_parsing=is_strict,
        errors="strict",
        max_num_fields=MAX_FIELDS,
        separator="&",
    )
