"""Entries of the providers that tenants manage themselves: their rules, and their text without secrets.

No error shows a value, because values are secrets of a tenant.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, create_model

from providers.entries import ProviderEntry
from providers.kinds import KINDS
from providers.receipts.receipt_entries import RECEIPT_FIELDS, parse_tenant_receipts
from providers.receipts.receipt_format import ReceiptEntry
from providers.receipts.receipt_kinds import RECEIPT_KINDS
from providers.tenant_configs import read_config, walk
from schemas.statuses import Channel
from schemas.validation_errors import UNKNOWN, Problem, first_lines, path_of, read_problems

MAX_TIMEOUT_SECONDS = 10.0
"""Maximum time of one send of a tenant's provider, in seconds. A slow one must not occupy the slots of others."""
MIN_RATE_PER_SECOND = 1.0
"""Lowest rate of a tenant's provider, in messages or segments. A call of a slower one would occupy a slot for long."""
DEFAULT_CONCURRENCY = 8
"""Number of concurrent requests of a provider over HTTP whose configuration says nothing. The operator bounds the sum
of a tenant."""
HIDDEN = "***"
"""Text in place of a secret."""

_REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_PLAIN_NAME = re.compile(r"[a-z_]{1,40}")
"""Names of unknown fields that are shown. Another one may be a secret in the wrong place."""
_USER = re.compile(r"://[^/?#\s<>@]*@")
_QUERY = re.compile(r"[?#][^\s<>]*")
_REFUSED = {
    "name": "must not be given here. It is the name of the provider.",
    "channel": "must not be given here. It is a field beside the configuration.",
    "priority": "must not be given here. It is a field beside the configuration.",
    "prices": "must not be given. Only the operator has prices.",
    **dict.fromkeys(("return_path", "bounce_key"), "must not be given. Only the operator's bounces are read."),
}
_NO_FILES = "must not be given. It names a file, and only the operator has files."
_PHRASES = {"missing": "is required", "extra_forbidden": "is not a field of its kind"}


def _mentions(annotation: Any, wanted: type) -> bool:
    """Return whether a type is `wanted`, or has it as a part."""
    return annotation is wanted or any(_mentions(part, wanted) for part in get_args(annotation))


def _fields_of(model: type[ProviderEntry], wanted: type) -> frozenset[str]:
    return frozenset(name for name, field in model.model_fields.items() if _mentions(field.annotation, wanted))


def _tenant_model(kind: str, model: type[ProviderEntry]) -> type[ProviderEntry]:
    """Return the model of a kind with the bounds of tenants, and with keys for receipts if the kind sends them."""
    rate = (float | None, Field(default=None, ge=MIN_RATE_PER_SECOND, le=100_000))
    changed: dict[str, Any] = {
        "timeout_seconds": (float, Field(default=10.0, gt=0, le=MAX_TIMEOUT_SECONDS)),
        "rate_per_second": rate,
        "max_per_second": rate,
    }
    if "concurrency" in model.model_fields:
        changed["concurrency"] = (int, Field(default=DEFAULT_CONCURRENCY, ge=1, le=10_000))
    if kind in RECEIPT_KINDS and kind != "smtp":  # the bounces of tenants are not read
        changed["receipts"] = (ReceiptEntry | None, None)
    return create_model(model.__name__, __base__=model, **changed)


TENANT_ENTRIES = {kind: _tenant_model(kind, each.entry) for kind, each in KINDS.items() if kind != "simulator"}
"""Models of the kinds that a tenant may use."""


def parse_tenant_entry(name: str, channel: Channel, priority: int, config: str) -> ProviderEntry:
    """Validate the configuration of a tenant's provider: a JSON object with the fields of its kind.

    `kind` may be absent if the name is one. Raises ValueError with one line for each problem. Each line begins with
    `config` or `channel`.
    """
    given = read_config(config)
    kind = given.get("kind", name)
    model = TENANT_ENTRIES.get(kind) if isinstance(kind, str) else None
    if model is None:
        kinds = ", ".join(TENANT_ENTRIES)
        raise ValueError(f"config.kind: must be one of {kinds}. It may be absent if the name of the provider is one.")
    refused = {**_REFUSED, **dict.fromkeys(_fields_of(model, Path), _NO_FILES)}
    problems = [f"config.{field}: {phrase}" for field, phrase in refused.items() if field in given]
    problems += _text_problems(given)
    fields = {field: value for field, value in given.items() if field not in refused}
    fields |= {"kind": kind, "name": name, "channel": channel.value, "priority": priority}
    if fields.get("receipts") is not None and "receipts" in model.model_fields:
        try:
            fields["receipts"] = parse_tenant_receipts(kind, name, fields["receipts"])
        except ValueError as error:
            problems += [f"config.{line}" for line in str(error).splitlines()]
            del fields["receipts"]
    try:
        entry = model.model_validate(fields)
    except ValidationError as error:
        problems += [_describe(problem, model) for problem in read_problems(error)]
    if problems:
        raise ValueError("\n".join(first_lines(problems)))
    return entry


def receipts_of(entry: ProviderEntry) -> ReceiptEntry | None:
    """Return the keys with which the receipts of a tenant's provider are checked, or None if it sends none."""
    return getattr(entry, "receipts", None)


def connections_of(entry: ProviderEntry) -> int:
    """Return the maximum number of connections of a provider in each consumer."""
    bounds = [getattr(entry, name, 0) for name in ("concurrency", "connections")]
    return int(max(bounds))


def host_of(entry: ProviderEntry) -> tuple[str, str]:
    """Return the field of an entry that names the host, and the host."""
    field = next(name for name in ("host", "url", "base_url") if name in type(entry).model_fields)
    text: str = getattr(entry, field)
    return field, text if field == "host" else urlsplit(text).hostname or ""


def redacted(name: str, config: str) -> str:
    """Return the configuration of a provider with this name, with `***` in place of each secret.

    A field that this version does not know counts as a secret. A text that is no configuration becomes `{}`.
    """
    try:
        given = read_config(config)
    except ValueError:
        return "{}"
    kind = given.get("kind", name)
    model = TENANT_ENTRIES.get(kind) if isinstance(kind, str) else None
    shown = {field: _redact(model, field, value) for field, value in given.items()}
    return json.dumps(shown, ensure_ascii=False)


def _text_problems(fields: dict[str, Any]) -> Iterator[str]:
    """Yield the problems of texts that look right, and would not do what a tenant means."""
    for path, value in walk(fields):
        if any(isinstance(text, str) and _REFERENCE.search(text) for text in (path[-1], value)):
            yield f"{_shown(path)}: must not refer to a variable of the environment"
        if isinstance(value, str) and HIDDEN in value and (value == HIDDEN or "://" in value):
            yield f"{_shown(path)}: must be the secret itself. An answer shows {HIDDEN} in place of it."


def _describe(problem: Problem, model: type[ProviderEntry]) -> str:
    if problem.location == ("channel",):
        (channel,) = get_args(model.model_fields["channel"].annotation)
        return f"channel: must be {channel.value}, because a provider of this kind has no other"
    phrase = _PHRASES.get(problem.kind, problem.phrase)
    return f"{_shown(problem.location)}: {phrase}"


def _shown(location: tuple[int | str, ...]) -> str:
    """Return the path to a field in an error. Names that may be a secret in the wrong place are not shown."""
    first, *inner = location or ("",)
    name = first if isinstance(first, str) and _PLAIN_NAME.fullmatch(first) else UNKNOWN
    if name in {"name", "channel", "priority"}:
        return name
    known = RECEIPT_FIELDS if name == "receipts" else frozenset[str]()
    return path_of(("config", *([name] if first else []), *(step if step in known else UNKNOWN for step in inner)))


def _redact(model: type[ProviderEntry] | None, field: str, value: Any) -> Any:
    """Return what is shown of the value of a field."""
    if value is None or (field == "kind" and value in KINDS):
        return value
    if model is None or field not in model.model_fields:
        return HIDDEN
    if field in _fields_of(model, SecretStr):
        return dict.fromkeys(value, HIDDEN) if isinstance(value, dict) else HIDDEN
    if isinstance(value, str):
        return _redact_uris(value)
    return value if isinstance(value, bool | int | float) else HIDDEN


def _redact_uris(text: str) -> str:
    """Return a text without the parts of URIs that may be a secret: user, query and fragment."""
    if "://" not in text and "mailto:" not in text:
        return text
    return _QUERY.sub(lambda query: query[0][0] + HIDDEN, _USER.sub(f"://{HIDDEN}@", text))
