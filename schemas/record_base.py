"""Rules that all records of rollcall share."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from schemas.published_names import publish_as

SCHEMA_VERSION = 1
"""Newest version of the records that this code reads, and the version that it writes."""


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
