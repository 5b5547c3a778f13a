"""Errors of templates and of their rendering. None of them repeats a text or a value.

ValueError
├── TemplateError           the source is not a valid template
│   └── SubjectError        the source of a subject is not
└── RenderError             the template cannot be rendered with these variables. It carries the name only
    ├── MissingVariable
    ├── HeaderInjection
    ├── UnsafeLink
    └── TextTooLong
"""

__all__ = [
    "HeaderInjection",
    "MissingVariable",
    "RenderError",
    "SubjectError",
    "TemplateError",
    "TextTooLong",
    "UnsafeLink",
]


class TemplateError(ValueError):
    """Error in the source of a template, with its position. The text may be personal and is not repeated."""

    def __init__(self, what: str, position: int, advice: str = "") -> None:
        super().__init__(f"{what} at position {position}{advice and '. '}{advice}")
        self.position = position
        """Position of the error, in characters from 0."""


class SubjectError(TemplateError):
    """Error in the source of a subject."""


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


class UnsafeLink(RenderError):  # noqa: N818  # the name states the error
    """Error for a variable that would make a link run a script."""

    what = "unsafe link in variable"


class TextTooLong(RenderError):  # noqa: N818  # the name states the error
    """Error for a text that its variables make too long, with the name of the variable that crosses the limit.

    Without such a limit, a text could be gigabytes. The name is empty if only the whole text is beyond the limit.
    """

    def __init__(self, name: str, max_length: int) -> None:
        self.what = f"longer than {max_length:,} characters with variable"
        super().__init__(name)
