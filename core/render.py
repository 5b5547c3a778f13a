"""Templates without logic: `{{name}}` is a variable, `{{{{` is a literal `{{`, and there is nothing else.

A name consists of letters, digits, `_`, `.` and `-`. It begins with a letter or `_`, and may have spaces around it. The
value comes from the recipient's variables, else from the request's. A value is never read as a template.

    ValueError
    ├── TemplateError           the source is not a valid template
    └── RenderError             the template cannot be rendered with these variables. It carries the name only
        ├── MissingVariable
        ├── HeaderInjection
        └── TextTooLong
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape

from core.render_html import html_to_text

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
]

MAX_RENDERED = 500_000
"""Maximum length of all values in one text, in characters. It is about the size of a whole request."""

_PLACEHOLDER = re.compile(r"\{\{ *([A-Za-z_][A-Za-z0-9_.-]*) *\}\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class TemplateError(ValueError):
    """Error in the source of a template, with its position. The text may be personal and is not repeated."""

    def __init__(self, what: str, position: int) -> None:
        super().__init__(f"{what} at position {position}")
        self.position = position
        """Position of the error, in characters from 0."""


class RenderError(ValueError):
    """Error in a variable, with its name. The value is not repeated."""

    what: str

    def __init__(self, name: str) -> None:
        super().__init__(f"{self.what}: {name}")
        self.name = name


class MissingVariable(RenderError):  # noqa: N818  # the name states the error
    """Error for a variable of the template that neither the recipient nor the request has."""

    what = "missing variable"


class HeaderInjection(RenderError):  # noqa: N818  # the name states the error
    """Error for a variable that would put a control character into a header."""

    what = "control character in variable"


class TextTooLong(RenderError):  # noqa: N818  # the name states the error
    """Error for the variable that makes the text longer than MAX_RENDERED. A few kilobytes could produce gigabytes."""

    what = "text too long with variable"


@dataclass(frozen=True, slots=True)
class Template:
    """Compiled template, built once per request and rendered for each recipient. Its repr does not show the text."""

    names: frozenset[str]
    """Names of the variables that the template needs."""
    _parts: tuple[str, ...] = field(repr=False)
    """Text and names in turn. The first and the last item are text."""
    _convert: Callable[[str, str], str] | None = field(default=None, repr=False, compare=False)
    """Returns the text to insert for (name, value). None inserts the value itself."""

    def render(self, variables: Mapping[str, str], defaults: Mapping[str, str]) -> str:
        """Return the text for one recipient.

        `variables` are the recipient's, and `defaults` are the request's. Raises MissingVariable if neither has a
        name, TextTooLong, and for a subject HeaderInjection.
        """
        parts = self._parts
        if len(parts) == 1:
            return parts[0]
        convert = self._convert
        filled = list(parts)
        room = MAX_RENDERED
        for at in range(1, len(parts), 2):
            name = parts[at]
            value = variables.get(name)
            if value is None:
                value = defaults.get(name)
                if value is None:
                    raise MissingVariable(name)
            filled[at] = value = value if convert is None else convert(name, value)
            room -= len(value)
            if room < 0:
                raise TextTooLong(name)
        return "".join(filled)

    def missing(self, variables: Mapping[str, str], defaults: Mapping[str, str]) -> list[str]:
        """Return the sorted names that have no value in either."""
        return sorted(name for name in self.names if variables.get(name) is None and defaults.get(name) is None)


def compile_text(source: str) -> Template:
    """Compile a template of plain text: an SMS, or the text part of an e-mail. Raises TemplateError."""
    return _compile(source, None)


def compile_html(source: str) -> Template:
    """Compile a template of HTML. Values are escaped, including quotes. Raises TemplateError.

    Escaped values are safe in text and in quoted attributes. They are not safe in scripts, styles or unquoted
    attributes.
    """
    return _compile(source, lambda _, value: escape(value))


def compile_subject(source: str) -> Template:
    """Compile a template of a header. Control characters such as CR and LF are refused in its text and in values.

    Raises TemplateError for the text. Rendering raises HeaderInjection for a value.
    """
    control = _CONTROL.search(source)
    if control is not None:
        raise TemplateError("control character", control.start())
    return _compile(source, _header_safe)


def _header_safe(name: str, value: str) -> str:
    if _CONTROL.search(value):
        raise HeaderInjection(name)
    return value


def _compile(source: str, convert: Callable[[str, str], str] | None) -> Template:
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
    return Template(frozenset(parts[1::2]), tuple(parts), convert)
