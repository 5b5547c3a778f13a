"""A field of a pydantic class in words: what it means, its default, what it may be."""  # noqa: INP001

from typing import Any

from pydantic.fields import FieldInfo

_SAID = {
    "username": "login, with password",
    "password": "password, with username",
    "channel": "which channel it takes",
}
"""For fields whose class says nothing; what a class says wins."""

_ALLOWED = {
    "providers": "JSON",
    "providers_file": "path",
    "kafka_ssl_ca_file": "path",
    "ca_file": "path",
    "headers": "table of secrets",
}
_UNITS = ("seconds", "bytes", "ms", "days")


def meaning(name: str, field: FieldInfo) -> str:
    """What a field means; SystemExit where nobody says it."""
    said = field.description or _SAID.get(name)
    if said is None:
        raise SystemExit(f"{name} has no description: give it one where it is declared")
    return said


def default(name: str, field: FieldInfo) -> str:
    """Its default as it is written in the environment; empty where it is unset."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value in (None, (), {}):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return number(name, value) if isinstance(value, int | float) else str(value)


def number(name: str, value: float) -> str:
    """A number with its thousands apart, a port as ports are written."""
    whole = int(value) if value == int(value) else value
    return str(whole) if name.endswith("port") else f"{whole:,}"


def allowed(name: str, said: dict[str, Any]) -> str:
    """What a value may be, from its JSON Schema: a range with its unit, alternatives, or a kind of text."""
    if name in _ALLOWED:
        return _ALLOWED[name]
    (one, *_) = [option for option in said.get("anyOf", [said]) if option.get("type") != "null"]
    if found := _alternatives(name, one):
        return ", ".join(f"`{value}`" for value in found)
    if one["type"] in {"integer", "number"}:
        return _range(name, one)
    if one["type"] == "array":
        return "list"
    return "secret" if one.get("format") == "password" else "text"


def _alternatives(name: str, said: dict[str, Any]) -> list[str]:
    if name == "channel":
        return [said["const"]] if "const" in said else ["sms", "email"]
    if said.get("type") == "boolean":
        return ["true", "false"]
    pattern = said.get("pattern", "")
    if pattern.startswith("^(") and pattern.endswith(")$") and "\\" not in pattern:
        return list(pattern[2:-2].split("|"))
    return list(said.get("enum", ()))


def _range(name: str, said: dict[str, Any]) -> str:
    unit = next((unit for unit in _UNITS if name.endswith(f"_{unit}")), "")
    low, above, high = said.get("minimum"), said.get("exclusiveMinimum"), said.get("maximum")
    if above is not None:
        words = [f"above {number(name, above)}", f"up to {number(name, high)}" if high is not None else ""]
    elif low is not None:
        words = [number(name, low), f"to {number(name, high)}" if high is not None else "or more"]
    else:
        words = ["whole number" if said["type"] == "integer" else "number"]
    return " ".join(filter(None, [*words, unit]))
