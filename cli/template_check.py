"""Check of a request's text before it is sent: placeholders, and the variables that recipients must give."""

import difflib
import re
from collections.abc import Collection, Sequence

from cli.errors import UsageError
from core.render import RenderError, SubjectError, TemplateError
from ledger.message_template import UNUSED, MessageTemplate, compile_template
from schemas.statuses import Channel, ContentType

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z_]{0,40}")


def compile_content(
    channel: Channel, content: str, subject: str | None, variables: dict[str, str], content_type: ContentType
) -> MessageTemplate:
    """Compile content and subject. Raises UsageError for a text that makes a consumer reject the whole request."""
    try:
        text = compile_template(channel, content, subject, variables, content_type)
        text.check_subject()
    except (SubjectError, RenderError) as error:
        raise UsageError(f"--subject: {error}") from None
    except TemplateError as error:
        raise UsageError(
            f"--content: {error}. Write a variable as {{{{name}}}}, and a literal {{{{ as {{{{{{{{."
        ) from None
    return text


def check_secret_variables(text: MessageTemplate, names: Sequence[str]) -> None:
    """Raise UsageError for a secret variable that the text does not use, because it is probably misspelt."""
    if (unused := text.find_unused(names)) is not None:
        raise UsageError(f"--secret-variable: {names[unused]} {UNUSED}")


def variables_for_recipients(text: MessageTemplate) -> frozenset[str]:
    """Return the variables that recipients must give, because the request does not."""
    return text.content_needs | text.subject_needs


def missing_variable_lines(missing: Collection[str], given: Collection[str]) -> str:
    """Return a line for each variable that no recipient and no option gives.

    `given` has the names that recipients give. A similar one of them is proposed.
    """
    # Names in a file may be anything, even addresses. Only plain names are proposed.
    plain = [name for name in given if _PLAIN_NAME.fullmatch(name)]
    lines = []
    for name in sorted(missing):
        close = difflib.get_close_matches(name, plain, n=1)
        hint = f" Did you mean {{{{{close[0]}}}}}?" if close else ""
        lines.append(f"variable {name}: no recipient and no --variable gives it.{hint}")
    return "\n".join(lines)
