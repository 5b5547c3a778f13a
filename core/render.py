"""Templates without logic: `{{name}}` is a variable, `{{{{` is a literal `{{`, and there is nothing else.

`core/variable_names.py` has the rule for names. The value comes from the recipient's variables, else from those of the
request. It is converted for its place (`core/placeholder_places.py`), and is never read as a template.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from sys import getsizeof

from core.addresses.control_characters import CONTROL
from core.placeholder_places import Place, places_in_html, places_in_text
from core.render_errors import (
    HeaderInjection,
    MissingVariable,
    RenderError,
    SubjectError,
    TemplateError,
    TextTooLong,
    UnsafeLink,
)
from core.text_part import TextPart, html_to_text
from core.value_conversion import IN_HTML, IN_TEXT, LONG_VALUE, Converter, LongForms, check_header, convert_long
from core.variable_names import NAME_RULE, Variables, has_one_spelling, read_name
from schemas.requests import MAX_CONTENT

__all__ = [
    "HeaderInjection",
    "MissingVariable",
    "RenderError",
    "SubjectError",
    "Template",
    "TemplateError",
    "TextTooLong",
    "UnsafeLink",
    "compile_html",
    "compile_subject",
    "compile_text",
    "compile_uri",
    "fixed_text",
    "html_to_text",
]

MAX_RENDERED = MAX_CONTENT
"""Maximum length of a text with its values, in characters. core/text_limits.py has the limits of what is sent."""
MAX_REMEMBERED = 500
"""Maximum length of a text that is remembered with its compiled form, in characters."""
MAX_SUBJECT = 1_000
"""Maximum length of a subject with its values, in characters. A longer one takes the CPU much time to encode."""

_PLACEHOLDER_WEIGHT = 16
"""Time to fill in a placeholder, as the number of characters of text that take as long."""
_PART_BYTES = 16
"""Size of the references to a part and its conversion in bytes."""

_PLACEHOLDER = re.compile(r"\{\{([^{}]*+)\}\}")
_LOGIC = re.compile(r"\{\{\s*+[#/^>!&*]|\{\{[^{}|]*+\|")
_SYNTAX = f"Write a variable as {{{{name}}}}, and a literal {{{{ as {{{{{{{{. {NAME_RULE}"


@dataclass(frozen=True, slots=True)
class Template:
    """Compiled template, built once per request and rendered for each recipient. Its repr does not show the text."""

    names: frozenset[str]
    """Names of the variables that the template needs."""
    _parts: tuple[str, ...] = field(repr=False)
    """Text and names in turn. The first and the last item are text."""
    _converters: tuple[Converter | None, ...] | None = field(default=None, repr=False, compare=False)
    """Conversion of the value for each placeholder. None inserts the value itself."""
    text_part: TextPart | None = field(default=None, repr=False, compare=False)
    """Text part of an e-mail, if this is HTML."""

    _one_spelling: frozenset[str] = field(init=False, repr=False, compare=False)
    """Names that need no search for another spelling."""
    _conversions: dict[str, dict[Converter, None]] = field(init=False, repr=False, compare=False)
    """All conversions of the values of each variable, in order."""
    _fixed_length: int = field(init=False, repr=False, compare=False)
    """Length of the text without its values, in characters."""

    def __post_init__(self) -> None:
        """Compute once the values that are needed for each recipient."""
        object.__setattr__(self, "_one_spelling", frozenset(filter(has_one_spelling, self.names)))
        conversions: dict[str, dict[Converter, None]] = {}
        for name, convert in zip(self._parts[1::2], self._converters or (), strict=False):
            if convert is not None:
                conversions.setdefault(name, {})[convert] = None
        object.__setattr__(self, "_conversions", conversions)
        object.__setattr__(self, "_fixed_length", sum(map(len, self._parts[::2])))

    def weight(self, longest_value: int) -> int:
        """Return the most characters that a rendering handles, with values up to this length."""
        parts = self._parts
        return self._fixed_length + min((len(parts) >> 1) * (longest_value + _PLACEHOLDER_WEIGHT), MAX_RENDERED)

    def render(self, variables: Mapping[str, str], defaults: Mapping[str, str], max_length: int = MAX_RENDERED) -> str:
        """Return the text for one recipient.

        `variables` are the recipient's, and `defaults` are the request's. Raises MissingVariable if neither has a
        name, TextTooLong if the values make more than `max_length` characters of the text, UnsafeLink, and for a
        subject HeaderInjection.
        """
        parts = self._parts
        if len(parts) == 1:
            return parts[0]
        converters, one_spelling = self._converters, self._one_spelling
        spelled: Variables | None = None
        forms: LongForms = {}
        filled = list(parts)
        room = max_length - self._fixed_length
        for at in range(1, len(parts), 2):
            name = parts[at]
            value = variables.get(name)
            if value is None:
                if name in one_spelling:
                    value = defaults.get(name)
                else:
                    spelled = spelled or Variables(variables, defaults)
                    value = spelled.get(name)
                if value is None:
                    raise MissingVariable(name)
            if converters is not None and (convert := converters[at >> 1]) is not None:
                is_long = len(value) > LONG_VALUE
                value = convert_long(name, value, convert, room, forms) if is_long else convert(name, value)
            filled[at] = value
            room -= len(value)
            if room < 0:
                raise TextTooLong(name, max_length)
        return "".join(filled)

    @property
    def is_ascii(self) -> bool:
        """Return whether the text without its values is ASCII."""
        return all(map(str.isascii, self._parts[::2]))

    @property
    def size(self) -> int:
        """Return the number of bytes that the template takes in memory."""
        return sum(map(getsizeof, self._parts)) + _PART_BYTES * len(self._parts)

    def keep_as_given(self, names: Collection[str]) -> "Template":
        """Return a template that inserts the values of these variables without conversion."""
        if not names or self._converters is None:
            return self
        pairs = zip(self._parts[1::2], self._converters, strict=True)
        return replace(self, _converters=tuple(None if name in names else convert for name, convert in pairs))

    def forms_of(self, name: str, value: str) -> Iterator[str]:
        """Yield the value of a variable, and each form in which the text contains it. A refused value has no form."""
        yield value
        for convert in self._conversions.get(name, ()):
            with suppress(RenderError):
                yield convert(name, value)


def compile_text(source: str) -> Template:
    """Compile a template of plain text: an SMS, or the text part of an e-mail. Raises TemplateError.

    A value inside of a URL is escaped for the URL. All other values are inserted as they are. Many small requests have
    the same text, such as that of a login code. It is compiled once.
    """
    # A long text is not remembered: the texts of callers would fill the memory.
    return _compiled_text(source) if len(source) <= MAX_REMEMBERED else _compiled_text.__wrapped__(source)


@lru_cache(maxsize=256)
def _compiled_text(source: str) -> Template:
    parts = _parse(source)
    converters = tuple(IN_TEXT[place] for place in places_in_text(parts[::2]))
    return _template(parts, converters if any(converters) else None)


def compile_html(source: str) -> Template:
    """Compile a template of HTML. Values are escaped for the place where they are inserted. Raises TemplateError.

    Escaped values are safe in text, in attributes and in URLs. They are not safe in scripts and styles.
    """
    parts = _parse(source)
    places = tuple(places_in_html(parts[::2]))
    return _template(parts, tuple(IN_HTML[place] for place in places), TextPart(parts, places))


def compile_subject(source: str) -> Template:
    """Compile a template of a header. Control characters such as CR and LF are refused in its text and in values.

    Raises SubjectError for the text. Rendering raises HeaderInjection for a value.
    """
    control = CONTROL.search(source)
    if control is not None:
        raise SubjectError("control character", control.start())
    parts = _parse(source, SubjectError)
    return _template(parts, (check_header,) * (len(parts) // 2))


def compile_uri(source: str) -> Template:
    """Compile a template of a URI. A value is one component: every reserved character in it is escaped (RFC 3986).

    Raises TemplateError.
    """
    parts = _parse(source)
    return _template(parts, (IN_TEXT[Place.QUERY],) * (len(parts) // 2))


def fixed_text(source: str) -> tuple[str, int]:
    """Return the text of a source without its placeholders, and their number. Raises TemplateError."""
    parts = _parse(source)
    return "".join(parts[::2]), len(parts) // 2


def _template(
    parts: Sequence[str], converters: tuple[Converter | None, ...] | None, text_part: TextPart | None = None
) -> Template:
    return Template(frozenset(parts[1::2]), tuple(parts), converters, text_part)


def _parse(source: str, error: type[TemplateError] = TemplateError) -> list[str]:
    """Return text and names in turn. The first and the last item are text."""
    parts: list[str] = []
    text: list[str] = []
    at = 0
    while (begin := source.find("{{", at)) >= 0:
        text.append(source[at:begin])
        if source.startswith("{{", begin + 2):
            text.append("{{")
            at = begin + 4
            continue
        placeholder = _PLACEHOLDER.match(source, begin)
        name = placeholder and read_name(placeholder[1])
        if placeholder is None or name is None:
            logic = "Conditions, loops and filters are not supported. " if _LOGIC.match(source, begin) else ""
            raise error("malformed placeholder", begin, logic + _SYNTAX)
        parts += ("".join(text), name)
        text.clear()
        at = placeholder.end()
    parts.append("".join(text) + source[at:])
    return parts
