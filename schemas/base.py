"""The rules that every record of rollcall shares."""

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = 1
"""The newest version of the records this code reads and the one it writes."""


class Record(BaseModel):
    """A record that callers send us: frozen, exact, and silent about its input when it is wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class Published(BaseModel):
    """A record that we write and others read: frozen; readers ignore fields they do not know."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)
