"""Text of a request, its problems for one recipient, and a subject that is invalid for every recipient."""

import pytest

from core.render import MAX_RENDERED, RenderError
from ledger.message_template import MessageTemplate, TextProblem, TextSource, choose_source, compile_template
from ledger.models import StoredTemplate
from schemas.requests import BulkBody
from schemas.statuses import Channel, Reason
from tests.support.builders import ACCEPTED_AT, TENANT

MISSING, INVALID = Reason.MISSING_VARIABLE, Reason.INVALID_CONTENT
TOO_LONG = "x" * (MAX_RENDERED + 1)


def a_text(content: str = "{{a}} {{b}}", subject: str | None = "{{c}}{{d}}", **variables: str) -> MessageTemplate:
    return compile_template(Channel.EMAIL, content, subject, variables)


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"a": "1", "b": "2", "c": "3", "d": "4"}, None),
        ({"a": "", "b": "", "c": "", "d": ""}, None),
        ({"c": "3", "d": "4"}, TextProblem(MISSING, "content", "a")),
        ({"a": "1", "c": "3\n", "d": "4"}, TextProblem(MISSING, "content", "b")),
        ({"a": "1", "b": "2", "c": "3"}, TextProblem(MISSING, "subject", "d")),
        ({"a": "1", "b": "2", "c": "3\n", "d": "4"}, TextProblem(INVALID, "subject", "c")),
        ({"a": "1", "b": "2", "c": "3\n"}, TextProblem(INVALID, "subject", "c")),
        ({"a": "1", "b": "2", "c": TOO_LONG, "d": "4"}, TextProblem(INVALID, "subject", "c")),
    ],
)
def test_the_first_problem_of_a_recipient_is_named(variables: dict[str, str], problem: TextProblem | None) -> None:
    assert a_text().problem_for(variables) == problem


def test_a_control_character_does_not_hide_a_missing_variable() -> None:
    assert a_text().missing_in("subject", {"a": "1", "b": "2", "c": "3\n"}) == TextProblem(MISSING, "subject", "d")
    assert a_text().missing_in("content", {"d": "4"}) == TextProblem(MISSING, "content", "a")
    assert a_text().missing_in("subject", {"a": "1", "b": "2", "c": "3\n", "d": "4"}) is None


def test_variables_of_the_request_need_not_be_given_by_recipients() -> None:
    text = a_text(b="2", d="4")
    assert (text.content_needs, text.subject_needs) == ({"a"}, {"c"})
    assert text.problem_for({"a": "1", "c": "3"}) is None
    assert text.missing_in("subject", {"a": "1"}) == TextProblem(MISSING, "subject", "c")


def test_a_variable_of_the_recipient_can_break_a_subject_that_the_request_fills() -> None:
    text = a_text(a="1", b="2", c="3", d="4")
    assert text.problem_for({}) is None
    assert text.problem_for({"d": "\n"}) == TextProblem(INVALID, "subject", "d")


def test_a_text_without_variables_has_no_problem() -> None:
    text = a_text("hello", "hi")
    assert not text.has_variables
    assert text.problem_for({"a": "\n"}) is None


def test_the_subject_of_an_sms_needs_no_variable() -> None:
    text = compile_template(Channel.SMS, "{{a}}", "{{c}}", {})
    assert (text.subject, text.subject_needs) == (None, frozenset())
    assert text.problem_for({"a": "1"}) is None


@pytest.mark.parametrize("value", ["a\nb", TOO_LONG])
def test_a_subject_that_no_recipient_could_get_is_refused(value: str) -> None:
    with pytest.raises(RenderError, match="c"):
        a_text(c=value, d="4").check_subject()


def test_a_subject_is_not_checked_before_the_recipients_fill_it() -> None:
    a_text(c="a\nb").check_subject()


def a_body(channel: Channel = Channel.EMAIL, **fields: str | None) -> BulkBody:
    return BulkBody.model_validate({"channel": channel, "content": "own", "recipients": ["a@example.com"], **fields})


def a_template(subject: str | None) -> StoredTemplate:
    return StoredTemplate("tpl_1", TENANT, "welcome", 1, "stored", subject, ACCEPTED_AT)


@pytest.mark.parametrize(
    ("own", "stored", "subject"), [("mine", "theirs", "mine"), (None, "theirs", "theirs"), ("mine", None, "mine")]
)
def test_the_template_gives_the_content_and_the_request_goes_first_with_the_subject(
    own: str | None, stored: str | None, subject: str
) -> None:
    source = choose_source(a_body(subject=own, template="welcome"), a_template(stored))
    assert source == TextSource("stored", subject, "template", lacks_subject=False)


@pytest.mark.parametrize(("channel", "lacks"), [(Channel.EMAIL, True), (Channel.SMS, False)])
def test_an_email_needs_a_subject_from_the_request_or_the_template(channel: Channel, *, lacks: bool) -> None:
    source = choose_source(a_body(channel, template="welcome"), a_template(None))
    assert source == TextSource("stored", None, "template", lacks_subject=lacks)


def test_without_a_template_the_request_has_its_own_content_and_subject() -> None:
    source = choose_source(a_body(subject="mine"), None)
    assert source == TextSource("own", "mine", "content", lacks_subject=False)


def test_a_template_that_was_not_looked_up_leaves_the_content_empty_and_the_subject_open() -> None:
    source = choose_source(a_body(template="welcome"), None)
    assert source == TextSource("", None, "template", lacks_subject=False)
