"""The text of a request before it is sent: compiled, and held against what recipients give."""

import difflib
import re
from collections.abc import Collection, Mapping

from cli.errors import UsageError
from core.render import MissingVariable, RenderError, TemplateError
from ledger.texts import Text, compile_content
from schemas.statuses import Channel, Reason

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z_]{0,40}")


def compile_all(channel: Channel, content: str, subject: str | None, variables: dict[str, str]) -> Text:
    """Compile content and subject; raises UsageError for what a consumer would refuse as a whole."""
    try:
        text = compile_content(channel, content, None, variables)
    except TemplateError as error:
        raise UsageError(f"--content: {error}; {{{{name}}}} is a variable, {{{{{{{{ a literal {{{{") from None
    try:
        text = compile_content(channel, content, subject, variables)
        if text.subject and not text.subject.missing({}, variables):
            text.subject.render({}, variables)
    except (TemplateError, RenderError) as error:
        raise UsageError(f"--subject: {error}") from None
    return text


def asked_of_recipients(text: Text) -> frozenset[str]:
    """The names that recipients have to give, since the request does not."""
    names = text.content.names | (text.subject.names if text.subject else frozenset())
    return names - text.variables.keys()


def unfit(text: Text, variables: Mapping[str, str]) -> tuple[Reason, str] | None:
    """Why it cannot be said to a recipient of these variables: the reason, and the variable's name."""
    if missing := text.content.missing(variables, text.variables):
        return Reason.MISSING_VARIABLE, missing[0]
    if text.subject is None:
        return None
    try:
        text.subject.render(variables, text.variables)
    except MissingVariable as error:
        return Reason.MISSING_VARIABLE, error.name
    except RenderError as error:
        return Reason.INVALID_CONTENT, error.name
    return None


def nobody_gives(wanted: Collection[str], seen: Collection[str]) -> str:
    """A line for each variable that no recipient and no option gives; `seen` are the names that recipients give."""
    # A file's names may be anything, also addresses: only plain ones are proposed.
    plain = [name for name in seen if _PLAIN_NAME.fullmatch(name)]
    lines = []
    for name in sorted(wanted):
        close = difflib.get_close_matches(name, plain, n=1)
        hint = f"; is it {{{{{close[0]}}}}}?" if close else ""
        lines.append(f"variable {name}: no recipient has it, and no --variable gives it{hint}")
    return "\n".join(lines)
