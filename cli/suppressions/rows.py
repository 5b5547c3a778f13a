"""Rows of a file of suppressions: a line of an export, an address alone, or a row of CSV."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from cli.recipients_file.rows import RowModel
from schemas.suppressions import SuppressionAddition

_JSON: TypeAdapter[str | dict[str, Any]] = TypeAdapter(str | dict[str, Any])
_COLUMNS = ("channel", "reason", "scope", "source", "since", "until")
"""Columns of CSV that are fields of an entry, beside `to` and `region`. All others are not used."""


def suppression_rows(defaults: Mapping[str, str]) -> RowModel[SuppressionAddition]:
    """Return the meaning of the rows of a file. The defaults are for fields that a row does not have."""

    def from_json(text: str) -> SuppressionAddition:
        read = _JSON.validate_json(text)
        fields = {"recipient": read} if isinstance(read, str) else dict(read)
        if "to" in fields and "recipient" not in fields:
            fields["recipient"] = fields.pop("to")
        return _addition({**defaults, **fields})

    def from_cells(own: dict[str, str], others: dict[str, str]) -> SuppressionAddition:
        fields = {name: value for name, value in own.items() if name == "region"}
        used = {name: others[name].strip() for name in _COLUMNS if others.get(name, "").strip()}
        return _addition({**defaults, **fields, **used, "recipient": own["to"]})

    return RowModel(from_json, from_cells)


def _addition(fields: Mapping[str, Any]) -> SuppressionAddition:
    """Return the entry. Raises ValidationError. Values of enumerations are texts here, as in JSON."""
    return SuppressionAddition.model_validate(fields, strict=False)
