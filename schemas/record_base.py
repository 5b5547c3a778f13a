"""Rules that all records of rollcall share."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticUseDefault
from pydantic_core.core_schema import no_info_after_validator_function, nullable_schema

from schemas.published_names import publish_as

SCHEMA_VERSION = 1
"""Newest version of the records that this code reads, and the version that it writes."""


class NullAsAbsent:
    """Annotation of a field with a default other than None. A null gives the default, as if the field were absent.

    Serializers of many languages write null for a value that is not set, such as Jackson and Go for an empty map. The
    JSON Schema does not mention it, because generated clients would get another type for the field.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of the field, with null as another allowed value."""
        return no_info_after_validator_function(use_default_for_null, nullable_schema(handler(source)))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON Schema of the field without null."""
        return without_null(handler(schema))


def without_null(schema: JsonSchemaValue) -> JsonSchemaValue:
    """Return the only other option of a JSON Schema that allows null."""
    (option,) = [option for option in schema["anyOf"] if option.get("type") != "null"]
    return option  # type: ignore[no-any-return]


def use_default_for_null(value: Any) -> Any:
    """Return the value. Tell pydantic to use the default of the field instead of None."""
    if value is None:
        raise PydanticUseDefault
    return value


class Named(BaseModel):
    """Record whose name in the generated documents is fixed by `published_as`, so that its class may be renamed."""

    published_as: ClassVar[str]

    def __init_subclass__(cls, *, published_as: str | None = None, **kwargs: Any) -> None:
        """Name the record for the generated documents."""
        super().__init_subclass__(**kwargs)
        publish_as(cls, published_as)

    @classmethod
    def __pydantic_init_subclass__(cls, *, published_as: str | None = None, **kwargs: Any) -> None:
        """Remove the name from the arguments, because pydantic passes all of them on."""
        super().__pydantic_init_subclass__(**kwargs)


class IntakeRecord(Named):
    """Record that callers send. It is frozen and strict, and its errors do not show the input."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class PublishedRecord(Named):
    """Record that rollcall writes and others read. It is frozen, and readers ignore unknown fields."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)
