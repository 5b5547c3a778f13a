"""Text of a request, its problems for one recipient, and a subject that is invalid for every recipient."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from core.render import MAX_SUBJECT, RenderError
from ledger.compile_message import compile_template
from ledger.message_template import (
    MessageTemplate,
    TextProblem,
    TextSource,
    choose_source,
)
from ledger.sealed_text import stored_type, type_to_repeat
from ledger.stored_template import StoredTemplate
from schemas.requests import BulkBody
from schemas.statuses import Channel, ContentType, Reason
from tests.support.builders import ACCEPTED_AT, TENANT, a_head

MISSING, INVALID = Reason.MISSING_VARIABLE, Reason.INVALID_CONTENT
PLAIN, HTML = ContentType.PLAIN, ContentType.HTML
TOO_LONG = "x" * (MAX_SUBJECT + 1)


def a_text(
    content: str = "{{a}} {{b}}", subject: str | None = "{{c}}{{d}}", secret: Sequence[str] = (), **variables: str
) -> MessageTemplate:
    text = compile_template(Channel.EMAIL, content, subject, variables, HTML if content.startswith("<") else PLAIN)
    return replace(text, secret_variables=tuple(secret))


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
    text = compile_template(Channel.SMS, "{{a}}", "{{c}}", {}, ContentType.PLAIN)
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


def a_template(subject: str | None, content: str = "stored", stated: ContentType | None = None) -> StoredTemplate:
    return StoredTemplate("tpl_1", TENANT, "welcome", 1, content, subject, ACCEPTED_AT, stated)


def chosen(source: TextSource) -> tuple[object, ...]:
    return source.content, source.subject, source.content_field, source.lacks_subject


@pytest.mark.parametrize(
    ("own", "stored", "subject"), [("mine", "theirs", "mine"), (None, "theirs", "theirs"), ("mine", None, "mine")]
)
def test_the_template_gives_the_content_and_the_request_goes_first_with_the_subject(
    own: str | None, stored: str | None, subject: str
) -> None:
    source = choose_source(a_body(subject=own, template="welcome"), a_template(stored))
    assert chosen(source) == ("stored", subject, "template", False)


@pytest.mark.parametrize(("channel", "lacks"), [(Channel.EMAIL, True), (Channel.SMS, False)])
def test_an_email_needs_a_subject_from_the_request_or_the_template(channel: Channel, *, lacks: bool) -> None:
    source = choose_source(a_body(channel, template="welcome"), a_template(None))
    assert chosen(source) == ("stored", None, "template", lacks)


def test_without_a_template_the_request_has_its_own_content_and_subject() -> None:
    source = choose_source(a_body(subject="mine"), None)
    assert chosen(source) == ("own", "mine", "content", False)


def test_a_template_that_was_not_looked_up_leaves_the_content_empty_and_subject_and_type_open() -> None:
    source = choose_source(a_body(template="welcome"), None)
    assert chosen(source) == ("", None, "template", False)
    assert source.type_choice is None
    assert choose_source(a_body(template="welcome", content_type=HTML), None).content_type is HTML


@pytest.mark.parametrize(
    ("own", "stated", "content", "choice"),
    [
        (PLAIN, HTML, "<p>x</p>", (PLAIN, "the request states it")),
        (HTML, None, "text", (HTML, "the request states it")),
        (None, HTML, "text", (HTML, "the template states it")),
        (None, PLAIN, "<p>x</p>", (PLAIN, "the template states it")),
        (None, None, "<p>x</p>", (HTML, "it begins with the tag <p>")),
        (None, None, "text", (PLAIN, "it does not begin with a tag of HTML")),
    ],
)
def test_the_type_of_the_request_goes_before_that_of_the_template_and_the_rule_is_last(
    own: ContentType | None, stated: ContentType | None, content: str, choice: tuple[ContentType, str]
) -> None:
    body = a_body(subject="s", template="welcome", content_type=own)
    assert choose_source(body, a_template(None, content, stated)).type_choice == choice


@pytest.mark.parametrize(("own", "unfit"), [(None, True), (PLAIN, False)])
def test_a_template_in_html_is_not_for_an_sms_unless_the_request_states_text(
    own: ContentType | None, *, unfit: bool
) -> None:
    body = a_body(Channel.SMS, template="welcome", content_type=own)
    assert choose_source(body, a_template(None, "<p>x</p>", HTML)).unfit_type is unfit


def test_a_byte_order_mark_is_no_part_of_the_content() -> None:
    assert choose_source(a_body(subject="s", content="\ufeff<p>x</p>"), None).content == "<p>x</p>"
    assert choose_source(a_body(template="welcome"), a_template("s", "\ufeffx")).content == "x"


@pytest.mark.parametrize(
    ("channel", "content", "stated", "stored"),
    [
        (Channel.EMAIL, "<p>x</p>", None, None),
        (Channel.EMAIL, "x", None, None),
        (Channel.SMS, "<p>x</p>", None, None),
        (Channel.EMAIL, "<p>x</p>", HTML, HTML),
        (Channel.SMS, "x", PLAIN, PLAIN),
        (Channel.EMAIL, "{{a}}<p>x</p>", None, HTML),
        (Channel.EMAIL, "<https://x.example>", None, PLAIN),
    ],
)
def test_a_type_is_stored_if_it_is_stated_or_if_the_first_version_would_choose_another(
    channel: Channel, content: str, stated: ContentType | None, stored: ContentType | None
) -> None:
    body = a_body(channel, subject="s", content=content, content_type=stated)
    assert choose_source(body, None).type_to_store is stored


@pytest.mark.parametrize("content", ["<https://x.example>", "<p>x</p>", "x"])
@pytest.mark.parametrize("channel", Channel)
def test_a_request_of_the_first_version_keeps_its_type(channel: Channel, content: str) -> None:
    header = a_head(channel=channel)
    expected = HTML if channel is Channel.EMAIL and content[0] == "<" else PLAIN
    assert stored_type(header, content) is expected


def test_a_repeat_states_the_type_only_if_the_rule_of_today_would_choose_another() -> None:
    old = a_head(channel=Channel.EMAIL)
    assert type_to_repeat(old, "<p>x</p>") is None
    assert type_to_repeat(old, "<https://x.example>") is HTML
    assert type_to_repeat(replace(old, content_type=PLAIN), "<p>x</p>") is PLAIN
    assert type_to_repeat(a_head(channel=Channel.SMS), "<p>x</p>") is None


def test_a_masked_text_does_not_need_the_secret_values_and_does_not_show_them() -> None:
    text = a_text("{{a}} {{b}} {{e}}", secret=["a", "b"], b="22", e="1")
    assert [text.render_masked(given) for given in ({}, {"a": "1"}, {"a": "1", "b": "1"})] == ["*** *** 1"] * 3


def test_the_text_that_is_sent_needs_the_secret_values() -> None:
    text = a_text("{{a}}", secret=["a"])
    with pytest.raises(RenderError):
        text.content.render({}, text.variables)


def test_the_mask_in_a_link_is_not_escaped_and_a_secret_is_known_in_each_form_of_the_text() -> None:
    text = compile_template(Channel.EMAIL, '<a href="https://x.example/?t={{a}}">{{a}}</a>', None, {}, ContentType.HTML)
    text = replace(text, secret_variables=("a",))
    assert text.render_masked({}) == '<a href="https://x.example/?t=***">***</a>'
    assert text.secrets_of({"a": "b&c"}) == ("b&c", "b%26c", "b&amp;c")


def test_the_mask_is_not_escaped_and_not_read_as_a_template() -> None:
    assert a_text("<p>{{a}} &amp; {{b}}</p>", secret=["a"], b="<").render_masked({}) == "<p>*** &amp; &lt;</p>"


def test_the_secret_values_of_a_recipient_come_from_the_recipient_or_the_request() -> None:
    text = a_text("{{a}} {{b}}", secret=["a", "b"], b="request")
    assert text.secrets_of({"a": "own", "e": "other"}) == ("own", "request")
    assert text.secrets_of({"b": "own"}) == ("own",)


def test_a_secret_variable_that_no_text_names_is_found_by_its_position() -> None:
    text = a_text("{{a}}", "{{c}}")
    assert [text.find_unused(names) for names in ([], ["a", "c"], ["a", "b"], ["A"])] == [None, None, 1, 0]


def test_the_secret_variables_of_the_template_follow_those_of_the_request() -> None:
    body = BulkBody(channel=Channel.SMS, content="", template="t", recipients=["1"], secret_variables=["b", "a"])
    template = StoredTemplate("tpl_1", TENANT, "t", 1, "{{a}}{{b}}{{c}}", None, ACCEPTED_AT, None, ("a", "c"))
    assert choose_source(body, template).secret_variables == ("b", "a", "c")
    assert choose_source(body, None).secret_variables == ("b", "a")
