"""The rules that every record of rollcall shares."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from schemas.published_names import publish_as

SCHEMA_VERSION = 1
"""The newest version of the records this code reads and the one it writes."""


class Named(BaseModel):
    """A record whose name in the generated documents is fixed by `published_as`, so that its class may be renamed."""

    published_as: ClassVar[str]

    def __init_subclass__(cls, *, published_as: str | None = None, **kwargs: Any) -> None:
        """Name the record for the generated documents."""
        super().__init_subclass__(**kwargs)
        publish_as(cls, published_as)

    @classmethod
    def __pydantic_init_subclass__(cls, *, published_as: str | None = None, **kwargs: Any) -> None:
        """Keep the name from pydantic, which passes every argument of a class on."""
        super().__pydantic_init_subclass__(**kwargs)


class IntakeRecord(Named):
    """A record that callers send us: frozen, exact, and silent about its input when it is wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class PublishedRecord(Named):
    """A record that we write and others read: frozen; readers ignore fields they do not know."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)
