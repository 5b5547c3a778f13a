"""Names of variables, as placeholders and recipients write them (docs/sending.md)."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from core.html_references import decode_references

NAME_RULE = "A name is made of letters and digits of any script, of spaces inside, and of `_`, `.` and `-`."
"""Rule for names, for messages."""
MAX_NAME = 100
"""Maximum length of a name in characters, as of the names that recipients give."""
MAX_WRITTEN = 1_000
"""Maximum length of a name as a placeholder writes it, with blanks and references. It is kept in a cache."""

_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200e\u200f\u2060\ufeff"), None) | dict.fromkeys(
    [*range(0x202A, 0x202F), *range(0x2066, 0x206A)], None
)
"""Characters without width that editors and messengers insert. They are no part of a name."""
_BLANKS = re.compile(r"[ \t\r\n\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
_NAME = re.compile(r"(?![.\u200c\u200d-])(?:[^\x00-,/:-@\[-^`{-\x9f\ud800-\udfff]| )++")
"""A name without surrounding blanks. All signs of ASCII but three are kept for an extension of the syntax."""


def read_name(text: str) -> str | None:
    """Return the name inside of a placeholder, or None if it is not one.

    Editors of HTML write a space as `&nbsp;` and a letter as `&eacute;`, also between the braces.
    """
    return normalise_name(decode_references(text)) if len(text) <= MAX_WRITTEN else None


def normalise_name(text: str) -> str | None:
    """Return the name in its only spelling, or None if no placeholder can have this name.

    All kinds of blanks count as one space, and composed letters equal decomposed ones (Unicode NFC).
    """
    # A long text is not remembered: the texts of callers would fill the memory.
    return _normalised(text) if len(text) <= MAX_NAME else _normalised.__wrapped__(text)


@lru_cache(maxsize=4_096)
def _normalised(text: str) -> str | None:
    name = _BLANKS.sub(" ", text.translate(_INVISIBLE)).strip(" ")
    if not _NAME.fullmatch(name):
        return None
    name = unicodedata.normalize("NFC", name)
    return name if len(name) <= MAX_NAME else None


def has_one_spelling(name: str) -> bool:
    """Return whether a name is written in one way only. This is so for ASCII without spaces."""
    return name.isascii() and " " not in name


class Variables:
    """Values of a recipient and of its request, found in any spelling of their names.

    A search through all names for each placeholder would take the time of placeholders times names.
    """

    __slots__ = ("_by_name", "_sources")

    def __init__(self, *sources: Mapping[str, str]) -> None:
        """Take the sources. The first one that has a value gives it."""
        self._sources = sources
        self._by_name: dict[str, str] | None = None

    def get(self, name: str) -> str | None:
        """Return the value of a variable, or None without a value."""
        if has_one_spelling(name):
            return next((variables[name] for variables in self._sources if name in variables), None)
        if self._by_name is None:
            self._by_name = {}
            for variables in reversed(self._sources):
                self._by_name |= _values_by_name(variables)
        return self._by_name.get(name)


def _values_by_name(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the values by the only spelling of their names. A name in that spelling goes before all others."""
    values: dict[str, str] = {}
    for written, value in variables.items():
        name = normalise_name(written)
        if name is not None and (written == name or name not in values):
            values[name] = value
    return values


def names_in(variables: Mapping[str, str]) -> set[str]:
    """Return the names under which a placeholder finds these variables."""
    names = ((key, normalise_name(key)) for key in variables)
    return {name for key, name in names if name is not None and (name == key or not has_one_spelling(name))}
