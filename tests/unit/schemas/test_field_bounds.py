"""Bounds of every field that a caller may send."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from schemas.bulk_body import BulkSendRequest
from schemas.consents import ConsentAddition, ConsentWithdrawal
from schemas.provider_configs import CreateProviderConfigRequest, UpdateProviderConfigRequest
from schemas.query_parameters import ConsentFilter, LogFilters, LogSearch, Paging, ProviderFilter, SuppressionFilter
from schemas.requests import BulkRequest
from schemas.statuses import Channel
from schemas.suppressions import SuppressedRecipient, SuppressionAddition, SuppressionRemoval
from schemas.validation_errors import drop_object_branch, path_of, read_problems
from schemas.variables import MAX_VALUE, MAX_VARIABLES

FIELDS = {"tenant_id": "t", "channel": Channel.SMS, "content": "Hello", "recipients": ["13800138000"]}
CLASS_OR_ESCAPE = re.compile(r"\[(?:\\.|[^]\\])+\]|\\.")
UNBOUNDED_REPEAT = re.compile(r"[*+]|\{\d+,\}")
BOUNDED_ELSEWHERE = {"recipients"}
"""A setting of the producer bounds them over HTTP, and the size of a record in Kafka."""


def is_bounded(name: str, schema: dict[str, Any]) -> bool:
    """Return whether the values of this schema have a maximum size, apart from what is in them."""
    if "enum" in schema or "const" in schema:
        return True
    limits = {
        "string": {"maxLength"},
        "integer": {"maximum", "exclusiveMaximum"},
        "array": {"maxItems"},
        "object": {"maxProperties"},
    }.get(schema.get("type", ""))
    if limits is None or not limits.isdisjoint(schema):
        return True
    return (
        schema.get("additionalProperties") is False
        or name in BOUNDED_ELSEWHERE
        or is_bounded_pattern(schema.get("pattern", ""))
    )


def is_bounded_pattern(pattern: str) -> bool:
    """Return whether a pattern matches only texts up to a length."""
    is_whole = pattern.startswith("^") and pattern.endswith("$")
    return is_whole and UNBOUNDED_REPEAT.search(CLASS_OR_ESCAPE.sub("x", pattern)) is None


def unbounded(name: str, schema: dict[str, Any]) -> Iterator[str]:
    """Yield the name of each field of any size in a JSON Schema."""
    if not is_bounded(name, schema):
        yield name
    named = {**schema.get("properties", {}), **schema.get("$defs", {})}
    inner = [(name, schema.get(key)) for key in ("items", "propertyNames", "additionalProperties")]
    inner += [(name, option) for key in ("anyOf", "oneOf") for option in schema.get(key, ())]
    for child, value in (*named.items(), *inner):
        if isinstance(value, dict):
            yield from unbounded(child, value)


BODIES = [
    BulkSendRequest,
    BulkRequest,
    LogSearch,
    LogFilters,
    Paging,
    ProviderFilter,
    SuppressionFilter,
    ConsentFilter,
    ConsentAddition,
    ConsentWithdrawal,
    SuppressedRecipient,
    SuppressionAddition,
    SuppressionRemoval,
    CreateProviderConfigRequest,
    UpdateProviderConfigRequest,
]


@pytest.mark.parametrize("model", BODIES)
def test_every_field_that_a_caller_may_send_has_a_bound(model: type[BaseModel]) -> None:
    assert list(unbounded(model.__name__, model.model_json_schema())) == []


def problem(**fields: Any) -> str:
    """Return the only problem of a record, with its field."""
    with pytest.raises(ValidationError) as caught:
        BulkRequest.model_validate({**FIELDS, **fields})
    (found,) = drop_object_branch(read_problems(caught.value))
    return f"{path_of(found.location)}: {found.message}"


@pytest.mark.parametrize(
    ("field", "allowed", "refused"),
    [
        ("content", "x" * 500_000, "x" * 500_001),
        ("subject", "x" * 900, "x" * 901),
        ("template", "x" * 100, "x" * 101),
        ("user_id", "x" * 128, "x" * 129),
        ("request_id", "x" * 128, "x" * 129),
        ("tenant_id", "x" * 64, "x" * 65),
        ("reply_topic", "x" * 249, "x" * 250),
        ("secret_variables", [f"v{n}" for n in range(50)], [f"v{n}" for n in range(51)]),
        ("secret_variables", ["x" * 100], ["x" * 101]),
        ("template_version", 2**31 - 1, 2**31),
        ("send_at", f"2026-01-01T00:00:00.{'0' * 30}Z", f"2026-01-01T00:00:00.{'0' * 31}Z"),
        ("recipients", ["x" * 320], ["x" * 321]),
        ("recipients", [{"to": "1", "reference": "x" * 200}], [{"to": "1", "reference": "x" * 201}]),
    ],
)
def test_a_value_beyond_the_bound_of_its_field_is_refused_by_the_name_of_the_field(
    field: str, allowed: object, refused: object
) -> None:
    BulkRequest.model_validate({**FIELDS, "template": "t", field: allowed})
    assert problem(**{"template": "t", field: refused}).startswith(field)


@pytest.mark.parametrize(
    ("allowed", "refused", "path"),
    [
        ({"a": "x" * MAX_VALUE}, {"a": "x" * (MAX_VALUE + 1)}, "variables.a: "),
        ({"x" * 100: ""}, {"x" * 101: ""}, "variables."),
        (
            {f"v{n}": "" for n in range(MAX_VARIABLES)},
            {f"v{n}": "" for n in range(MAX_VARIABLES + 1)},
            "variables: ",
        ),
        (
            {"a": "x" * 250_000, "b": "x" * 250_000, "c": ""},
            {"a": "x" * 250_000, "b": "x" * 250_000, "c": "x"},
            "variables: have 500,001 characters in all, and at most 500,000 are allowed",
        ),
    ],
)
def test_variables_are_bounded_one_by_one_and_together(
    allowed: dict[str, str], refused: dict[str, str], path: str
) -> None:
    BulkRequest.model_validate({**FIELDS, "variables": allowed})
    assert problem(variables=refused).startswith(path)
    assert problem(recipients=[{"to": "1", "variables": refused}]).startswith(f"recipients[0].{path}")


def test_a_query_has_at_most_twenty_statuses() -> None:
    for model, name in ((LogFilters, "sent"), (LogSearch, "sent")):
        assert len(model.model_validate({"status": [name] * 20}).status) == 20
        with pytest.raises(ValidationError, match="at most 20 items"):
            model.model_validate({"status": [name] * 21})
