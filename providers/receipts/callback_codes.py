"""Error codes in callbacks. Vendors write them as texts or as numbers."""

from providers.receipts.callback_values import text_of


def error_code(value: object) -> str:
    """Return the code of an error, or the empty text for 0, for none, and for a value of another type."""
    text = str(value) if isinstance(value, int) else text_of(value)
    return "" if text == "0" else text
