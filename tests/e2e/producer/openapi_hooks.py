"""Hooks for schemathesis: meaningful texts, and the rules that a schema cannot express."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import schemathesis
from hypothesis import strategies as st

from ledger.queries import ListPosition
from producer.read.cursor import Cursor, write_cursor

_CLOCK = "a schema knows no clock, and does not compare two fields"
_NUMBERS = "a schema does not multiply"
_TOGETHER = "a parameter knows nothing of another"
_REGIONS = "a schema would have to list the countries, and they change with the library"
_ZONES = "a schema would have to list the time zones, and they change with the database"
_ADDRESS = "a schema does not know the rules for addresses"
_TEXT = "a schema does not read the placeholders of a text"
_PRICES = "a schema does not know the prices of the consumers"
_PROVIDERS = "a schema does not know the providers of the consumers and of the tenant"
_CONFIG = "a schema does not look into the text of a configuration"

_ONE_ADDRESS = {
    r"recipient: the address .+": _ADDRESS,
    r"region: must be the ISO 3166-1 code of a country .+": _REGIONS,
}

_ONE_PERSON = {
    r"user_id: is required, unless address and channel are given": _TOGETHER,
    r"(address|channel|region): must not be given with user_id\. .+": _TOGETHER,
    r"(address: is required with channel|channel: is required with address)": _TOGETHER,
    r"address: the address .+": _ADDRESS,
    r"region: must be the ISO 3166-1 code of a country .+": _REGIONS,
}

BEYOND_A_SCHEMA: dict[str, dict[str, str]] = {
    "POST /communication/bulk": {
        r"recipients\[\d+\]\.variables\..+: is used in (content|subject)\. Give it here .+": _TEXT,
        r"variables\..+: makes the subject invalid: control character in variable": _TEXT,
        r"secret_variables\[\d+\]: is used in neither content nor subject\. .+": _TEXT,
        r"expires_at: (has passed|must be at most two years ahead|must be after send_at)": _CLOCK,
        r"send_at: must be at most a year ahead": _CLOCK,
        r"(recipients\[\d+\]\.)?region: must be the ISO 3166-1 code of a country .+": _REGIONS,
        r"recipients\[\d+\]\.timezone: must be the name of a time zone in the IANA database, .+": _ZONES,
        r"budget: must not be given, because no provider of the channel has prices\. .+": _PRICES,
        r"(reply_to|cc\[\d+\]): the address .+": _ADDRESS,
        r"provider: there is no provider of (sms|email) with this name": _PROVIDERS,
    },
    "GET /communication/logs": {
        r"page: must end within the first 10,000 items\. .+": _NUMBERS,
        r"page: must not be given together with `after`": _TOGETHER,
        r"to: must be after `from`": _CLOCK,
    },
    "POST /communication/logs/search": {
        r"page: must end within the first 10,000 items\. .+": _NUMBERS,
        r"to: must be after `from`": _CLOCK,
    },
    "POST /communication/suppressions": {
        **_ONE_ADDRESS,
        r"scope: must be `all` .+": _TOGETHER,
        r"until: must be (in the future|after since)": _CLOCK,
    },
    "POST /communication/suppressions/search": _ONE_ADDRESS,
    "POST /communication/consents": {**_ONE_ADDRESS, r"given_at: must not be in the future": _CLOCK},
    "POST /communication/consents/search": _ONE_ADDRESS,
    "POST /communication/consents/withdraw": _ONE_ADDRESS,
    "POST /communication/suppressions/remove": _ONE_ADDRESS,
    "GET /communication/requests": {
        r"page: must end within the first 10,000 items\. .+": _NUMBERS,
        r"page: must not be given together with `after`": _TOGETHER,
    },
    "POST /communication/callback/{provider}": {},
    "POST /communication/callback/{provider}/{secret}": {},
    "POST /communication/inbound/{provider}": {},
    "POST /communication/inbound/{provider}/{secret}": {},
    "GET /communication/unsubscribe/{token}": {},
    "POST /communication/unsubscribe/{token}": {},
    "POST /internal/communication/export-user-data": _ONE_PERSON,
    "POST /internal/communication/erase-user-data": _ONE_PERSON,
    "POST /admin/communication/providers": {r"(config(\..+)?|channel): must .+": _CONFIG},
    "PUT /admin/communication/providers/{provider_id}": {r"config(\..+)?: must .+": _CONFIG},
}
"""Allowed 400s for requests that match the document, by operation: the whole message and its reason."""

_NOW = datetime.now(UTC)
_MOMENTS = [_NOW + timedelta(days=days, seconds=1) for days in (-400, -1, 0, 1, 30, 300, 365, 400, 700)]
_CURSORS = [
    write_cursor(Cursor(ListPosition(moment, "log_0"), page, page * 20, True))
    for page, moment in enumerate(_MOMENTS, 2)
]

schemathesis.openapi.format("date-time", st.sampled_from([moment.isoformat() for moment in _MOMENTS]))
schemathesis.openapi.format("cursor", st.sampled_from(_CURSORS))


_NULLABLE_WITHOUT_A_WORD = ("variables", "category", "on_uncertain", "status", "page_size", "scope")


@schemathesis.serializer("application/x-ndjson")
def write_lines(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """Return a body of lines as it is."""
    return str(value).encode()


@schemathesis.hook
def before_load_schema(_context: schemathesis.HookContext, document: Any) -> None:
    """Remove large bounds. Texts of half a million characters take minutes, and tests of the schemas try them."""
    _remove_large_bounds(document)


def _remove_large_bounds(schema: Any) -> None:
    children = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    for child in children:
        _remove_large_bounds(child)
    for bound in ("maxLength", "maxProperties"):
        if isinstance(schema, dict) and isinstance(schema.get(bound), int) and schema[bound] >= 1_000:
            del schema[bound]


@schemathesis.hook
def filter_case(_context: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    """Leave out the nulls that are accepted as absent fields although the document does not allow them."""
    body = case.body
    if not isinstance(body, dict):
        return True
    recipients = body.get("recipients")
    objects = [body, *(recipients if isinstance(recipients, list) else ())]
    return not any(_has_hidden_null(each) for each in objects if isinstance(each, dict))


def _has_hidden_null(fields: dict[str, Any]) -> bool:
    variables = fields.get("variables")
    return any(name in fields and fields[name] is None for name in _NULLABLE_WITHOUT_A_WORD) or (
        isinstance(variables, dict) and None in variables.values()
    )


@schemathesis.check
def refused_by_a_rule_beyond_the_schema(
    _ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """Check that a 400 for a request that matches the document has one of the messages above."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code != 400:
        return
    message = response.json()["message"]
    known = BEYOND_A_SCHEMA.get(case.operation.label, {})
    assert any(re.fullmatch(pattern, message, re.DOTALL) for pattern in known), f"refused: {message}"
