"""Check of a request's text, and the variables that recipients must give."""

import pytest

from cli.errors import UsageError
from cli.template_check import compile_content, missing_variable_lines, unusable_names_note, variables_for_recipients
from core.variable_names import NAME_RULE
from schemas.statuses import Channel, ContentType


@pytest.mark.parametrize(
    ("content", "subject", "expected"),
    [
        (
            "x {{",
            None,
            "--content: malformed placeholder at position 2. Write a variable as {{name}}, and a literal {{ as {{{{. "
            + NAME_RULE,
        ),
        ("x", "a\nb", "--subject: control character at position 1"),
        ("x", "{{b}}", "--subject: control character in variable: b"),
    ],
)
def test_a_text_that_a_consumer_would_reject_is_refused(content: str, subject: str | None, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        compile_content(Channel.EMAIL, content, subject, {"b": "\r\n"}, ContentType.PLAIN)
    assert str(caught.value) == expected


def test_recipients_must_give_the_variables_that_the_request_does_not_give() -> None:
    text = compile_content(Channel.EMAIL, "{{a}} {{b}}", "{{c}}", {"b": "x"}, ContentType.PLAIN)
    assert variables_for_recipients(text) == {"a", "c"}


def test_the_subject_of_an_sms_needs_no_variables() -> None:
    assert variables_for_recipients(compile_content(Channel.SMS, "{{a}}", "{{c}}", {}, ContentType.PLAIN)) == {"a"}


def test_a_misspelt_variable_is_named_with_a_similar_name() -> None:
    assert missing_variable_lines({"nome", "x"}, {"name", "13800138000"}).splitlines() == [
        "variable nome: no recipient and no --variable gives it. Did you mean {{name}}?",
        "variable x: no recipient and no --variable gives it.",
    ]
    assert "138" not in missing_variable_lines({"13800138001"}, {"13800138000"}).removeprefix("variable 13800138001")


def test_a_name_in_another_case_is_proposed_however_short() -> None:
    assert missing_variable_lines({"N"}, {"n"}).endswith("Did you mean {{n}}?")
    assert missing_variable_lines({"CODE"}, {"code", "CODER"}).endswith("Did you mean {{code}}?")


def test_a_similar_name_of_any_script_is_proposed() -> None:
    assert missing_variable_lines({"Fist Name"}, {"First  Name"}).endswith("Did you mean {{First Name}}?")
    assert missing_variable_lines({"prenom"}, {"prénom"}).endswith("Did you mean {{prénom}}?")


def test_a_column_that_no_text_can_name_is_reported_with_the_rule() -> None:
    lines = missing_variable_lines({"Order"}, {"Order (no.)", "anna@example.com"}).splitlines()
    assert lines == [
        "variable Order: no recipient and no --variable gives it.",
        f"2 columns or variables cannot be used in a text, because of the name (Order (no.), ...). {NAME_RULE}",
    ]
    assert unusable_names_note({"First Name", "姓名"}) is None
