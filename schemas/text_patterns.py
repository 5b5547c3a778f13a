"""Forms of texts, each with the words that errors show in place of its regular expression."""

import re

from pydantic import StringConstraints

_MESSAGE = re.compile(r"String should match pattern '(.*)'", re.DOTALL)
"""Message of pydantic about a text of another form."""
_WORDS: dict[str, str] = {}
"""Words by expression. Each module adds those of its own fields when it is imported."""


def text_pattern(expression: str, words: str) -> StringConstraints:
    """Return the constraint of a field. `words` are a phrase such as `must be three capital letters`."""
    _WORDS[expression] = words
    return StringConstraints(pattern=expression)


def name_pattern(longest: int, signs: str) -> StringConstraints:
    """Return the constraint of a name that begins with a letter or digit. `signs` ends with a hyphen."""
    words = f"must have 1 to {longest} letters, digits and {' '.join(signs)} and begin with a letter or digit"
    return text_pattern(rf"^[A-Za-z0-9][A-Za-z0-9{signs}]{{0,{longest - 1}}}$", words)


def in_words(message: str) -> str:
    """Return pydantic's message about a text of another form in the words of its pattern, if it has some."""
    found = _MESSAGE.fullmatch(message)
    words = _WORDS.get(found[1]) if found else None
    return words[:1].upper() + words[1:] if words else message
