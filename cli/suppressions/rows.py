"""Rows of a file of suppressions: a line of an export, an address alone, or a row of CSV."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter

from cli.recipients_file.rows import RowModel
from schemas.suppressions import SuppressionAddition

Body = TypeVar("Body", bound=BaseModel)

_JSON: TypeAdapter[str | dict[str, Any]] = TypeAdapter(str | dict[str, Any])
_COLUMNS = ("channel", "reason", "scope", "source", "since", "until")
"""Columns of CSV that are fields of an entry, beside `to` and `region`. All others are not used."""


def suppression_rows(defaults: Mapping[str, str]) -> RowModel[SuppressionAddition]:
    """Return the meaning of the rows of a file of suppressions."""
    return body_rows(SuppressionAddition, _COLUMNS, defaults)


def body_rows(model: type[Body], columns: Iterable[str], defaults: Mapping[str, str]) -> RowModel[Body]:
    """Return the meaning of the rows of a file as bodies about addresses.

    `columns` are those of CSV that are fields, beside `to` and `region`. The defaults are for fields that a row does
    not have. Values of enumerations are texts here, as in JSON. The functions raise ValidationError.
    """

    def from_json(text: str) -> Body:
        read = _JSON.validate_json(text)
        fields = {"recipient": read} if isinstance(read, str) else dict(read)
        if "to" in fields and "recipient" not in fields:
            fields["recipient"] = fields.pop("to")
        return model.model_validate({**defaults, **fields}, strict=False)

    def from_cells(own: dict[str, str], others: dict[str, str]) -> Body:
        fields = {name: value for name, value in own.items() if name == "region"}
        used = {name: others[name].strip() for name in columns if others.get(name, "").strip()}
        return model.model_validate({**defaults, **fields, **used, "recipient": own["to"]}, strict=False)

    return RowModel(from_json, from_cells)
