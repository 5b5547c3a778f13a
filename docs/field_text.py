"""Description of a pydantic field in words: its meaning, its default, its allowed values."""  # noqa: INP001

from typing import Any

from pydantic.fields import FieldInfo

_DESCRIPTIONS = {
    "username": "login, with password",
    "password": "password, with username",
    "channel": "channel of its messages",
}
"""Descriptions of fields whose class has none. The description in a class takes precedence."""

_ALLOWED = {
    "providers": "JSON",
    "providers_file": "path",
    "receipts": "JSON",
    "receipts_file": "path",
    "routes": "JSON",
    "routes_file": "path",
    "kafka_ssl_ca_file": "path",
    "ca_file": "path",
    "headers": "table of secrets",
}
_UNITS = ("seconds", "bytes", "ms", "days")


def meaning(name: str, field: FieldInfo) -> str:
    """Return the meaning of a field. Raise SystemExit if it has no description."""
    description = field.description or _DESCRIPTIONS.get(name)
    if description is None:
        raise SystemExit(f"{name} has no description. Add one where the field is declared.")
    return description


def default(name: str, field: FieldInfo) -> str:
    """Return the default as it is written in the environment, empty if it is not set."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value in (None, (), {}):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return number(name, value) if isinstance(value, int | float) else str(value)


def number(name: str, value: float) -> str:
    """Return a number with thousands separators, and a port without them."""
    whole = int(value) if value == int(value) else value
    return str(whole) if name.endswith("port") else f"{whole:,}"


def allowed(name: str, schema: dict[str, Any]) -> str:
    """Return the allowed values from the JSON Schema: a range with its unit, alternatives, or a kind of text."""
    if name in _ALLOWED:
        return _ALLOWED[name]
    (option, *_) = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    if found := _alternatives(name, option):
        return ", ".join(f"`{value}`" for value in found)
    if "$ref" in option:
        return "table"
    if option["type"] in {"integer", "number"}:
        return _range(name, option)
    if option["type"] == "array":
        return "list"
    return "secret" if option.get("format") == "password" else "text"


def _alternatives(name: str, schema: dict[str, Any]) -> list[str]:
    if name == "channel":
        return [schema["const"]] if "const" in schema else ["sms", "email"]
    if schema.get("type") == "boolean":
        return ["true", "false"]
    pattern = schema.get("pattern", "")
    if pattern.startswith("^(") and pattern.endswith(")$") and "\\" not in pattern:
        return list(pattern[2:-2].split("|"))
    return list(schema.get("enum", ()))


def _range(name: str, schema: dict[str, Any]) -> str:
    unit = next((unit for unit in _UNITS if name.endswith(f"_{unit}")), "")
    low, above, high = schema.get("minimum"), schema.get("exclusiveMinimum"), schema.get("maximum")
    if above is not None:
        words = [f"above {number(name, above)}", f"up to {number(name, high)}" if high is not None else ""]
    elif low is not None:
        words = [number(name, low), f"to {number(name, high)}" if high is not None else "or more"]
    else:
        words = ["whole number" if schema["type"] == "integer" else "number"]
    return " ".join(filter(None, [*words, unit]))
