"""The text of a request before it is sent: compiled, and the variables that recipients must give."""

import difflib
import re
from collections.abc import Collection

from cli.errors import UsageError
from core.render import RenderError, TemplateError
from ledger.message_template import MessageTemplate, compile_template
from schemas.statuses import Channel

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z_]{0,40}")


def compile_all(channel: Channel, content: str, subject: str | None, variables: dict[str, str]) -> MessageTemplate:
    """Compile content and subject; raises UsageError for what a consumer would refuse as a whole."""
    try:
        text = compile_template(channel, content, None, variables)
    except TemplateError as error:
        raise UsageError(f"--content: {error}; {{{{name}}}} is a variable, {{{{{{{{ a literal {{{{") from None
    try:
        text = compile_template(channel, content, subject, variables)
        text.check_subject()
    except (TemplateError, RenderError) as error:
        raise UsageError(f"--subject: {error}") from None
    return text


def asked_of_recipients(text: MessageTemplate) -> frozenset[str]:
    """The names that recipients have to give, since the request does not."""
    return text.content_needs | text.subject_needs


def missing_variable_lines(wanted: Collection[str], seen: Collection[str]) -> str:
    """A line for each variable that no recipient and no option gives; `seen` are the names that recipients give."""
    # A file's names may be anything, also addresses: only plain ones are proposed.
    plain = [name for name in seen if _PLAIN_NAME.fullmatch(name)]
    lines = []
    for name in sorted(wanted):
        close = difflib.get_close_matches(name, plain, n=1)
        hint = f"; is it {{{{{close[0]}}}}}?" if close else ""
        lines.append(f"variable {name}: no recipient has it, and no --variable gives it{hint}")
    return "\n".join(lines)
