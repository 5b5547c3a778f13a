"""Templates without logic: `{{name}}` stands for a variable, `{{{{` for a literal `{{`, and that is all.

A name is of letters, digits, `_`, `.` and `-`, begins with a letter or `_`, and may have spaces around it. It is taken
from the recipient's variables, else from the request's. Values are put in as they are and never read as a template.

    ValueError
    ├── TemplateError           a source that is no template
    └── RenderError             a template that cannot be rendered with these variables; it carries the name alone
        ├── MissingVariable
        ├── HeaderInjection
        └── TextTooLong
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape

from core.render_html import html_to_text, is_html

__all__ = [
    "HeaderInjection",
    "MissingVariable",
    "RenderError",
    "Template",
    "TemplateError",
    "TextTooLong",
    "compile_html",
    "compile_subject",
    "compile_text",
    "html_to_text",
    "is_html",
]

MAX_RENDERED = 500_000
"""How many characters the values in one text may have, as they are put in: about as many as a request may have."""

_PLACEHOLDER = re.compile(r"\{\{ *([A-Za-z_][A-Za-z0-9_.-]*) *\}\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class TemplateError(ValueError):
    """A source that is no template, by where it goes wrong: its text may be personal and is not repeated."""

    def __init__(self, what: str, position: int) -> None:
        super().__init__(f"{what} at position {position}")
        self.position = position
        """In characters, counted from 0."""


class RenderError(ValueError):
    """What is wrong with a variable, by its name: its value is not repeated."""

    what: str

    def __init__(self, name: str) -> None:
        super().__init__(f"{self.what}: {name}")
        self.name = name


class MissingVariable(RenderError):  # noqa: N818  # it says what is the matter
    """Neither the recipient nor the request has a variable that the template needs."""

    what = "missing variable"


class HeaderInjection(RenderError):  # noqa: N818  # it says what is the matter
    """A variable would put a control character into a header."""

    what = "control character in variable"


class TextTooLong(RenderError):  # noqa: N818  # it says what is the matter
    """With this variable the text is longer than MAX_RENDERED: a few kilobytes can ask for gigabytes."""

    what = "text too long with variable"


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template: made once a request, rendered for each recipient. Its repr does not show its text."""

    names: frozenset[str]
    """The variables it needs."""
    _parts: tuple[str, ...] = field(repr=False)
    """Text and names by turns, text first and last."""
    _put: Callable[[str, str], str] | None = field(default=None, repr=False, compare=False)
    """(name, value) → what is put in for it; None: the value itself."""

    def render(self, variables: Mapping[str, str], defaults: Mapping[str, str]) -> str:
        """The text for one recipient.

        `variables` are the recipient's, `defaults` the request's. Raises MissingVariable where neither has a name,
        TextTooLong, and for a subject HeaderInjection.
        """
        parts = self._parts
        if len(parts) == 1:
            return parts[0]
        put = self._put
        filled = list(parts)
        room = MAX_RENDERED
        for at in range(1, len(parts), 2):
            name = parts[at]
            value = variables.get(name)
            if value is None:
                value = defaults.get(name)
                if value is None:
                    raise MissingVariable(name)
            filled[at] = value = value if put is None else put(name, value)
            room -= len(value)
            if room < 0:
                raise TextTooLong(name)
        return "".join(filled)

    def missing(self, variables: Mapping[str, str], defaults: Mapping[str, str]) -> list[str]:
        """The names, sorted, that neither has."""
        return sorted(name for name in self.names if variables.get(name) is None and defaults.get(name) is None)


def compile_text(source: str) -> Template:
    """A template of plain text: an SMS, or the text part of a mail. Raises TemplateError."""
    return _compile(source, None)


def compile_html(source: str) -> Template:
    """A template of HTML: values are escaped, quotes too. Raises TemplateError.

    Escaped values are safe in text and in quoted attributes, not inside scripts, styles or unquoted attributes.
    """
    return _compile(source, lambda _, value: escape(value))


def compile_subject(source: str) -> Template:
    """A template of a header: control characters, CR and LF above all, are refused in its text and in values.

    Raises TemplateError for the text; rendering raises HeaderInjection for a value.
    """
    control = _CONTROL.search(source)
    if control is not None:
        raise TemplateError("control character", control.start())
    return _compile(source, _header_safe)


def _header_safe(name: str, value: str) -> str:
    if _CONTROL.search(value):
        raise HeaderInjection(name)
    return value


def _compile(source: str, put: Callable[[str, str], str] | None) -> Template:
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
        if placeholder is None:
            raise TemplateError("malformed placeholder", begin)
        parts += ("".join(text), placeholder[1])
        text.clear()
        at = placeholder.end()
    parts.append("".join(text) + source[at:])
    return Template(frozenset(parts[1::2]), tuple(parts), put)
