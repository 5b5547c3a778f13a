"""Bodies of the routes for own providers. An error names all that is wrong, also inside of the configuration."""

from collections.abc import Iterable
from typing import Any

from pydantic_core import from_json

from producer.errors import BadRequestError
from providers.entries import ProviderEntry
from providers.tenant_entries import parse_tenant_entry
from schemas.provider_configs import DEFAULT_PRIORITY
from schemas.statuses import Channel

MAX_BODY_BYTES = 64 * 1024
"""Maximum size of a body in bytes. The longest one needs 50 KiB, with every letter of its configuration escaped."""


def parse_config(name: str, channel: Channel, priority: int, config: str) -> ProviderEntry:
    """Return the entry of a configuration. Raises BadRequestError."""
    try:
        return parse_tenant_entry(name, channel, priority, config)
    except ValueError as error:
        raise BadRequestError(_joined(str(error).splitlines())) from None


def add_config_problems(
    error: BadRequestError, body: bytes, name: str | None = None, channel: Channel | None = None
) -> BadRequestError:
    """Return the error of a body with what is wrong in its configuration too, as far as its kind can be known.

    Name and channel are those of the stored provider. Those of a new one are in the body.
    """
    fields = _fields(body)
    config, name = fields.get("config"), name or _name(fields)
    if not isinstance(config, str):
        return error
    try:
        parse_tenant_entry(name, channel or _channel(fields), DEFAULT_PRIORITY, config)
    except ValueError as problem:  # the name is a field of the body, and has been described
        lines = [line for line in str(problem).splitlines() if not line.startswith("name:")]
        return BadRequestError(_joined([error.message, *lines]))
    return error


def _joined(problems: Iterable[str]) -> str:
    return ". ".join(problem.removesuffix(".") for problem in problems)


def _fields(body: bytes) -> dict[str, Any]:
    try:
        fields = from_json(body)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _name(fields: dict[str, Any]) -> str:
    name = fields.get("provider")
    return name if isinstance(name, str) else ""


def _channel(fields: dict[str, Any]) -> Channel:
    return Channel.EMAIL if fields.get("channel") == Channel.EMAIL.value else Channel.SMS
