"""Settings of the providers: exactly one of `ROLLCALL_PROVIDERS` and `ROLLCALL_PROVIDERS_FILE`."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from config.settings import Settings, settings_check
from providers.config_file import parse, parse_json, read_toml
from providers.entries import ProviderEntry


class ProviderSettings(Settings):
    """List of providers, from JSON in the environment or from a file."""

    providers: Annotated[tuple[ProviderEntry, ...] | None, NoDecode] = Field(
        default=None,
        description="providers as a JSON list. Each has name, kind, channel, and the fields of its kind.",
    )
    providers_file: Annotated[tuple[ProviderEntry, ...] | None, NoDecode] = Field(
        default=None,
        description="TOML file of [[provider]] tables instead of the list. ${NAME} is replaced from the environment.",
    )

    @field_validator("providers", mode="before")
    @classmethod
    def _parse(cls, value: Any) -> Any:
        if isinstance(value, str):
            return parse_json(value) if value.strip() else None
        return parse(value) if isinstance(value, list) else value

    @field_validator("providers_file", mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        if isinstance(value, str | Path):
            return read_toml(Path(value), os.environ) if str(value).strip() else None
        return value

    @settings_check("providers", "providers_file")
    def _one_of_both(self) -> Iterator[str]:
        if (self.providers is None) == (self.providers_file is None):
            yield "ROLLCALL_PROVIDERS: exactly one of ROLLCALL_PROVIDERS and ROLLCALL_PROVIDERS_FILE must be set"

    @property
    def entries(self) -> tuple[ProviderEntry, ...]:
        """Return the entries in the order of the settings."""
        return self.providers or self.providers_file or ()
