"""Location and union branch of the problems that pydantic finds."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from schemas.requests import AnyIntakeRecipient, AnyRecipient, BulkBody, Recipient
from schemas.statuses import Channel
from schemas.validation_errors import (
    LONGEST_NAME,
    MAX_NAMED,
    UNKNOWN,
    Problem,
    drop_object_branch,
    first_lines,
    path_of,
    read_problems,
)

Found = list[tuple[str, str]]
GOOD = {"channel": Channel.SMS, "content": "x", "recipients": ["13800138000"]}
LIST: TypeAdapter[list[AnyIntakeRecipient]] = TypeAdapter(list[AnyIntakeRecipient])
ONE: TypeAdapter[AnyRecipient] = TypeAdapter(AnyRecipient)


def problems_of(adapter: TypeAdapter[Any], value: object, *, is_union: bool = False) -> list[Problem]:
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(value)
    return read_problems(caught.value, is_union=is_union)


def found(problems: list[Problem]) -> Found:
    return [(path_of(problem.location), problem.kind) for problem in problems]


@pytest.mark.parametrize(
    ("recipient", "said"),
    [
        ({}, [("[0].to", "missing")]),
        ({"to": ""}, [("[0].to", "string_too_short")]),
        ({"to": "1", "zip": 1}, [("[0].zip", "extra_forbidden")]),
        ({"to": "1", "variables": {"code": 1}}, [("[0].variables.code", "string_type")]),
        ("", [("[0]", "string_too_short"), ("[0]", "model_type")]),
        (5, [("[0]", "string_type"), ("[0]", "model_type")]),
    ],
)
def test_a_problem_in_an_object_hides_that_the_object_is_no_text(recipient: object, said: Found) -> None:
    assert found(problems_of(LIST, [recipient])) == said


@pytest.mark.parametrize(
    ("recipient", "said"), [("", [("", "string_too_short")]), ({"to": ""}, [("to", "string_too_short")])]
)
def test_one_recipient_alone_is_read_as_the_item_of_a_list(recipient: object, said: Found) -> None:
    assert found(drop_object_branch(problems_of(ONE, recipient, is_union=True))) == said


@pytest.mark.parametrize("recipient", [5, None, []])
def test_a_recipient_that_is_neither_text_nor_object_has_one_problem(recipient: object) -> None:
    (problem,) = drop_object_branch(problems_of(LIST, [recipient]))
    assert (problem.location, problem.is_no_recipient) == ((0,), True)


def test_a_variable_that_is_not_text_is_no_problem_of_the_recipient() -> None:
    (problem,) = problems_of(LIST, [{"to": "1", "variables": {"a": 1}}])
    assert (problem.branch, problem.is_no_recipient) == ("IntakeRecipient", False)


@pytest.mark.parametrize("name", ["Recipient", "IntakeRecipient", "constrained-str", "str"])
def test_names_of_callers_are_not_taken_for_branches(name: str) -> None:
    body = TypeAdapter(BulkBody)
    assert found(problems_of(body, {**GOOD, name: 1})) == [(name, "extra_forbidden")]
    assert found(problems_of(body, {**GOOD, "variables": {name: 1}})) == [(f"variables.{name}", "string_type")]
    assert found(problems_of(LIST, [{"to": "1", name: 1}])) == [(f"[0].{name}", "extra_forbidden")]


def test_a_wrong_key_is_located_by_its_name() -> None:
    (problem,) = problems_of(TypeAdapter(Recipient), {"to": "1", "variables": {"": "x"}})
    assert (problem.location, problem.in_key) == (("variables", ""), True)
    (problem,) = problems_of(TypeAdapter(Recipient), {"to": "1", "[key]": "x"})
    assert (problem.location, problem.in_key) == (("[key]",), False)


def test_a_check_of_the_whole_has_no_location_and_its_own_words() -> None:
    (problem,) = problems_of(TypeAdapter(BulkBody), {**GOOD, "content": ""})
    assert (problem.location, problem.message) == ((), "content: may be empty only with a template")


def test_a_phrase_begins_with_a_small_letter() -> None:
    (problem,) = problems_of(TypeAdapter(BulkBody), {**GOOD, "content": 1})
    assert (problem.message, problem.phrase) == ("Input should be a valid string", "input should be a valid string")


def test_an_operator_sees_the_first_twenty_problems_and_the_number_of_the_others() -> None:
    lines = [str(number) for number in range(1_000)]
    assert first_lines(lines[:MAX_NAMED] * 2) == lines[:MAX_NAMED]
    assert first_lines(lines) == [*lines[:MAX_NAMED], "and 980 more"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("anna@example.com", 1), ("recipients[0].to", 1), ("to", 1), ("variables", 1), ("a.b", 1), ("", 1)],
)
def test_a_name_of_the_caller_is_not_shown(name: str, value: object) -> None:
    body = TypeAdapter(BulkBody)
    shown = {problem.shown_location for problem in problems_of(LIST, [{"to": "1", name: value, "x": 2}])}
    assert shown <= {(0, UNKNOWN), (0, "to"), (0, "variables")}
    (problem,) = problems_of(body, {**GOOD, "variables": {name: value}})
    assert problem.shown_location == ("variables", UNKNOWN)
    (problem,) = problems_of(LIST, [{"to": "1", "variables": {name: value}}])
    assert problem.shown_location == (0, "variables", UNKNOWN)


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ((), ""),
        (("channel",), "channel"),
        (("recipients", 3, "variables", "code"), "recipients[3].variables.code"),
        ((7, "to"), "[7].to"),
        (("x" * 500, "y"), "x" * LONGEST_NAME + ".y"),
    ],
)
def test_a_path_has_numbers_in_brackets_and_short_names(location: tuple[int | str, ...], path: str) -> None:
    assert path_of(location) == path


@pytest.mark.parametrize(
    ("field", "value", "phrase"),
    [
        ("content", "x" * 500_001, "must have at most 500,000 characters"),
        ("cc", ["a@example.com"] * 11, "must have at most 10 items"),
        ("variables", {f"v{n}": "" for n in range(1_001)}, "must have at most 1,000 items"),
        ("user_id", "", "must have at least 1 character"),
    ],
)
def test_a_bound_is_named_in_plain_words(field: str, value: object, phrase: str) -> None:
    with pytest.raises(ValidationError) as caught:
        BulkBody.model_validate(GOOD | {field: value})
    assert [problem.phrase for problem in read_problems(caught.value)] == [phrase]
