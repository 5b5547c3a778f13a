"""What a text asks of its recipients, before anything is sent."""

import pytest

from cli.errors import UsageError
from cli.template_check import compile_content, missing_variable_lines, variables_for_recipients
from schemas.statuses import Channel


@pytest.mark.parametrize(
    ("content", "subject", "said"),
    [
        (
            "x {{",
            None,
            "--content: malformed placeholder at position 2. Write a variable as {{name}}, and a literal {{ as {{{{.",
        ),
        ("x", "a\nb", "--subject: control character at position 1"),
        ("x", "{{b}}", "--subject: control character in variable: b"),
    ],
)
def test_a_text_that_no_consumer_would_take_is_refused(content: str, subject: str | None, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        compile_content(Channel.EMAIL, content, subject, {"b": "\r\n"})
    assert str(caught.value) == said


def test_recipients_are_asked_for_what_the_request_does_not_give() -> None:
    text = compile_content(Channel.EMAIL, "{{a}} {{b}}", "{{c}}", {"b": "x"})
    assert variables_for_recipients(text) == {"a", "c"}


def test_the_subject_of_an_sms_asks_nothing() -> None:
    assert variables_for_recipients(compile_content(Channel.SMS, "{{a}}", "{{c}}", {})) == {"a"}


def test_a_slip_is_named_with_what_it_may_have_meant() -> None:
    assert missing_variable_lines({"nome", "x"}, {"name", "13800138000"}).splitlines() == [
        "variable nome: no recipient and no --variable gives it. Did you mean {{name}}?",
        "variable x: no recipient and no --variable gives it.",
    ]
    assert "138" not in missing_variable_lines({"13800138001"}, {"13800138000"}).removeprefix("variable 13800138001")
