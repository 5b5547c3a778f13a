"""Check of a request's text before it is sent: placeholders, and the variables that recipients must give."""

import difflib
import re
from collections.abc import Collection, Sequence

from cli.errors import UsageError, sentence
from cli.plain_output import printable
from core.render import RenderError, SubjectError, TemplateError
from core.text_limits import TextLimits, size_problem
from core.variable_names import NAME_RULE, normalise_name
from ledger.compile_message import compile_template
from ledger.message_template import UNUSED, MessageTemplate
from schemas.statuses import Channel, ContentType

_LIMIT_SETTINGS = {Channel.SMS: "ROLLCALL_MAX_SMS_SEGMENTS", Channel.EMAIL: "ROLLCALL_MAX_EMAIL_BYTES"}
_SHOWN_NAME = re.compile(r"[^\W\d][^\d@]{0,40}")
"""Names that may be shown. Names in a file may be anything, even addresses, and those have a digit or an `@`."""


def compile_content(
    channel: Channel, content: str, subject: str | None, variables: dict[str, str], content_type: ContentType
) -> MessageTemplate:
    """Compile content and subject. Raises UsageError for a text that makes a consumer reject the whole request.

    The services know whether they make unsubscribe links. Here a text may name the link.
    """
    try:
        text = compile_template(channel, content, subject, variables, content_type, has_links=True)
        text.check_subject()
    except (SubjectError, RenderError) as error:
        raise UsageError(f"--subject: {error}") from None
    except TemplateError as error:
        raise UsageError(f"--content: {error}") from None
    return text


def check_content_size(option: str, content: str, channel: Channel, limits: TextLimits) -> None:
    """Raise UsageError for a content that is too large for every recipient. `option` is where it comes from."""
    try:
        problem = size_problem(content, limits.of(channel))
    except TemplateError as error:
        raise UsageError(f"{option}: {error}") from None
    if problem:
        raise UsageError(f"{option}: {sentence(problem)} The services read the limit from {_LIMIT_SETTINGS[channel]}.")


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
    names = filter(None, map(normalise_name, filter(_SHOWN_NAME.fullmatch, given)))
    usable = sorted(set(names))
    lines = []
    for name in sorted(missing):
        other_case = [one for one in usable if one.casefold() == name.casefold()]
        close = other_case or difflib.get_close_matches(name, usable, n=1)
        hint = f" Did you mean {{{{{close[0]}}}}}?" if close else ""
        lines.append(f"variable {name}: no recipient and no --variable gives it.{hint}")
    if lines and (note := unusable_names_note(given)):
        lines.append(note)
    return "\n".join(lines)


def unusable_names_note(given: Collection[str]) -> str | None:
    """Return a line about the columns and variables that no text can name, or None if there are none."""
    unusable = [name for name in given if normalise_name(name) is None]
    if not unusable:
        return None
    shown = [printable(name) for name in sorted(unusable) if _SHOWN_NAME.fullmatch(name)]
    examples = f" ({shown[0]}{', ...' if len(unusable) > 1 else ''})" if shown else ""
    number = "1 column or variable" if len(unusable) == 1 else f"{len(unusable):,} columns or variables"
    return f"{number} cannot be used in a text, because of the name{examples}. {NAME_RULE}"
