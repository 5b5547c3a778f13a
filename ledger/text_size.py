"""Size of the text of one message, known before the text is made."""

from collections.abc import Mapping
from typing import NamedTuple

from core.render import Template

_MESSAGE_BYTES = 1_024
"""Size of a message without its text in bytes."""
_ESCAPED_LENGTH = 6
"""Maximum number of characters that a character of a value becomes, such as `&quot;`."""
_NARROW_COPIES, _WIDE_COPIES = 4, 8
"""Number of bytes for each character of a text in memory: of ASCII, and of any other text."""
_VARIABLE_BYTES = 160
"""Size of a variable without the characters of its value in bytes: its name, its value, and its place in a dict."""


class TextSize(NamedTuple):
    """Upper bounds for the text of one message."""

    characters: int
    """Size of the work to make it, in characters."""
    bytes: int
    """Size of the message in memory, with the copies of provider and client."""


class TextMeasure:
    """Measure of the texts of one request."""

    def __init__(self, content: Template, variables: Mapping[str, str]) -> None:
        self._content = content
        self._longest_value = _longest(variables)
        self._is_ascii = content.is_ascii and all(map(str.isascii, variables.values()))
        self._fixed = _text_size(content.weight(0), 0, is_narrow=self._is_ascii)

    def of(self, variables: Mapping[str, str]) -> TextSize:
        """Return the size of the text of a recipient with these variables, which the message keeps as well."""
        if not variables and not self._content.names:
            return self._fixed
        fixed = self._fixed.characters
        values = self._content.weight(max(self._longest_value, _longest(variables))) - fixed
        is_narrow = self._is_ascii and all(map(str.isascii, variables.values()))
        characters, size = _text_size(fixed, values, is_narrow=is_narrow)
        kept = sum(map(len, variables.values())) * (_NARROW_COPIES if is_narrow else _WIDE_COPIES)
        return TextSize(characters, size + kept + len(variables) * _VARIABLE_BYTES)


def _text_size(fixed: int, values: int, *, is_narrow: bool) -> TextSize:
    """Return the bounds for a text with so many characters of its own and of its values."""
    copies = _NARROW_COPIES if is_narrow else _WIDE_COPIES
    return TextSize(fixed + values, _MESSAGE_BYTES + (fixed + _ESCAPED_LENGTH * values) * copies)


def _longest(variables: Mapping[str, str]) -> int:
    return max(map(len, variables.values()), default=0)
