"""Conversion of the values of variables for the place where they are inserted (docs/sending.md)."""

import re
from collections.abc import Callable
from html import escape
from urllib.parse import quote

from core.addresses.control_characters import has_control
from core.placeholder_places import Place
from core.render_errors import HeaderInjection, UnsafeLink

Converter = Callable[[str, str], str]
"""Returns the text to insert for (name, value). Raises RenderError with the name."""
LongForms = dict[tuple[str, Converter], str]
"""Forms of the long values of one recipient, by name and conversion."""

LONG_VALUE = 256
"""Length above which a value is converted once for all of its placeholders, in characters."""

_SPECIAL = re.compile(r"[&<>\"'\n\v\f\r\x85\u2028\u2029]")
LINE_BREAK = re.compile(r"\r\n|[\n\v\f\r\x85\u2028\u2029]")
"""Line break in a value. Running text of HTML shows it as one."""
_NOT_BARE = re.compile(r"[\s=`/]")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]*+")
_NOT_IN_URL = re.compile(r"[\s\x00-\x1f\x7f\"<>\\^`{|}]")
_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$*+,;=%()-]*+")
_IGNORED_IN_SCHEME = re.compile(r"[\x00-\x20]")
_UNSAFE = re.compile(r"(?:javascript|vbscript)(?::|\Z)|data:(?!image/)", re.IGNORECASE)
"""Begin of a URL that runs a script. The template may write the colon, as in `{{scheme}}://`."""


def convert_long(name: str, value: str, convert: Converter, room: int, forms: LongForms) -> str:
    """Convert a long value. Its other placeholders get the same form.

    A form may be much shorter than the value: an address without its blanks. So the length of the text does not bound
    how often a long value is read. A value for which there is no room is returned as it is.
    """
    form = forms.get((name, convert))
    if form is not None:
        return form
    if len(value) > room and len(value.strip()) > room:  # A conversion takes time, and only removes blanks.
        return value
    form = forms[name, convert] = convert(name, value)
    return form


def check_header(name: str, value: str) -> str:
    """Return a value for a header. Raises HeaderInjection."""
    if has_control(value):
        raise HeaderInjection(name)
    return value


def _escape_text(_: str, value: str) -> str:
    """Escape a value for running text of HTML. A line break becomes `<br>`, because HTML shows it as a blank."""
    if _SPECIAL.search(value) is None:
        return value
    return LINE_BREAK.sub("<br>", escape(value))


def _escape_markup(_: str, value: str) -> str:
    return escape(value)


def _escape_bare(_: str, value: str) -> str:
    return _NOT_BARE.sub(lambda found: f"&#{ord(found[0])};", escape(value))


def _clean_address(_: str, value: str) -> str:
    """Return the rest of a URL. Its syntax is kept, and only what no URL may hold is percent-encoded."""
    return _NOT_IN_URL.sub(lambda found: quote(found[0]), value.strip())


def _check_link(name: str, value: str) -> str:
    """Return a URL, or raise UnsafeLink. Browsers ignore blanks and control characters in a scheme."""
    address = value.strip()  # as in `_clean_address`, so that what is checked is what is inserted
    if _UNSAFE.match(_IGNORED_IN_SCHEME.sub("", address)):
        raise UnsafeLink(name)
    return _clean_address(name, address)


def _quote_path(_: str, value: str) -> str:
    return value if _UNRESERVED.fullmatch(value) else quote(value, safe="/:@+,", errors="replace")


def _quote_query(_: str, value: str) -> str:
    return value if _UNRESERVED.fullmatch(value) else quote(value, safe="", errors="replace")


IN_TEXT: dict[Place, Converter | None] = {
    Place.TEXT: None,
    Place.LINK: _check_link,
    Place.ADDRESS: _clean_address,
    Place.PATH: _quote_path,
    Place.QUERY: _quote_query,
}
"""Conversion for each place of a plain text. None inserts the value itself."""

IN_HTML: dict[Place, Converter | None] = {
    Place.TEXT: _escape_text,
    Place.MARKUP: _escape_markup,
    Place.BARE_ATTRIBUTE: _escape_bare,
    Place.BARE_VALUE: lambda name, value: _escape_bare(name, value) or '""',  # else the next attribute is the value
    Place.LINK: lambda name, value: value if _PLAIN_URL.fullmatch(value) else escape(_check_link(name, value)),
    Place.ADDRESS: lambda name, value: escape(_clean_address(name, value)),
    Place.PATH: _quote_path,
    Place.QUERY: _quote_query,
}
"""Conversion for each place of an HTML text."""
