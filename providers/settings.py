"""Settings of the providers and of the routes to them, each from a list or from a file."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from config.settings import Settings, settings_check
from providers.config_file import parse, read_json, read_tables
from providers.entries import ProviderEntry
from providers.routes import RouteEntry, parse_routes, route_problems

_PARSERS: Mapping[str, Callable[..., Any]] = {"providers": parse, "routes": parse_routes}


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

    routes: Annotated[tuple[RouteEntry, ...] | None, NoDecode] = Field(
        default=None,
        description="routes as a JSON list (docs/routing.md). Unset: all providers of a channel, by their priority.",
    )
    routes_file: Annotated[tuple[RouteEntry, ...] | None, NoDecode] = Field(
        default=None, description="TOML file of [[route]] tables instead of the list"
    )

    @field_validator("providers", "routes", mode="before")
    @classmethod
    def _parse(cls, value: Any, field: ValidationInfo) -> Any:
        parse_list = _PARSERS[field.field_name or ""]
        if isinstance(value, str):
            return parse_list(read_json(value)) if value.strip() else None
        return parse_list(value) if isinstance(value, list) else value

    @field_validator("providers_file", "routes_file", mode="before")
    @classmethod
    def _read(cls, value: Any, field: ValidationInfo) -> Any:
        if not isinstance(value, str | Path):
            return value
        name = (field.field_name or "").removesuffix("_file")
        return _PARSERS[name](*read_tables(Path(value), name[:-1], os.environ)) if str(value).strip() else None

    @settings_check("providers", "providers_file")
    def _one_of_both(self) -> Iterator[str]:
        if (self.providers is None) == (self.providers_file is None):
            yield "ROLLCALL_PROVIDERS: exactly one of ROLLCALL_PROVIDERS and ROLLCALL_PROVIDERS_FILE must be set"

    @settings_check("providers", "providers_file", "routes", "routes_file")
    def _routes_name_providers(self) -> Iterator[str]:
        if self.routes is not None and self.routes_file is not None:
            yield "ROLLCALL_ROUTES: at most one of ROLLCALL_ROUTES and ROLLCALL_ROUTES_FILE may be set"
        variable = "ROLLCALL_ROUTES" if self.routes else "ROLLCALL_ROUTES_FILE"
        yield from (f"{variable}: {problem}" for problem in route_problems(self.route_entries, self.entries))

    @property
    def route_entries(self) -> tuple[RouteEntry, ...]:
        """Return the routes in the order of the settings."""
        return self.routes or self.routes_file or ()

    @property
    def entries(self) -> tuple[ProviderEntry, ...]:
        """Return the entries in the order of the settings."""
        return self.providers or self.providers_file or ()
