"""Variables of a recipient or a request, and the names of the secret ones."""

from typing import Annotated, Any

from pydantic import FailFast, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, StringConstraints
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_after_validator_function, nullable_schema
from typing_extensions import override

from schemas.record_base import NullAsAbsent, use_default_for_null

MAX_VARIABLES = 1_000
"""Maximum number of variables of a recipient, and of a request."""
MAX_VALUE = 256 * 1024
"""Maximum length of the value of a variable, in characters. It may be all of an e-mail."""
MAX_VALUES = 500_000
"""Maximum length of all values of a recipient together, and of a request, in characters."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Value = Annotated[str, StringConstraints(max_length=MAX_VALUE)]


class _NullVariables(NullAsAbsent):
    """Annotation of variables. Those that are null are absent, and so is a null for all of them."""

    @override
    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        values = Annotated[dict[Name, Value | None], FailFast(), Field(max_length=MAX_VARIABLES)]
        given = handler.generate_schema(values)
        return no_info_after_validator_function(_without_nulls, nullable_schema(given))

    @override
    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        value = {"type": "string", "maxLength": MAX_VALUE}
        return {**super().__get_pydantic_json_schema__(schema, handler), "additionalProperties": value}


def _without_nulls(variables: dict[str, str | None] | None) -> dict[str, str]:
    given: dict[str, str] = use_default_for_null(variables)
    if None in given.values():
        given = {name: value for name, value in given.items() if value is not None}
    if len(given) * MAX_VALUE > MAX_VALUES and (length := sum(map(len, given.values()))) > MAX_VALUES:
        raise ValueError(f"have {length:,} characters in all, and at most {MAX_VALUES:,} are allowed")
    return given


Variables = Annotated[dict[str, str], _NullVariables()]
"""Variables by name. One with the value null is absent.

Validation stops at the first wrong one, because a million errors would fill the memory.
"""
MAX_SECRET_VARIABLES = 50
"""Maximum number of secret variables of a request or a template."""
SecretVariables = Annotated[
    list[Name], Field(max_length=MAX_SECRET_VARIABLES, fail_fast=True, json_schema_extra={"uniqueItems": True})
]
