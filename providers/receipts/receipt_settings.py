"""Settings of the keys with which receipts are checked, from a list or from a file."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from config.public_url import PublicUrlSettings
from config.settings import settings_check
from providers.config_file import read_json, read_tables
from providers.receipts.receipt_entries import parse_receipts
from providers.receipts.receipt_format import ReceiptEntry


class ReceiptSettings(PublicUrlSettings):
    """Keys for the receipts of the installation's providers, and the URL to which vendors send them."""

    receipts: Annotated[tuple[ReceiptEntry, ...] | None, NoDecode] = Field(
        default=None,
        description="keys that check receipts, as a JSON list (docs/receipts.md). Each has kind, provider, and the "
        "fields of its kind. Unset: receipts only from providers of tenants.",
    )
    receipts_file: Annotated[tuple[ReceiptEntry, ...] | None, NoDecode] = Field(
        default=None,
        description="TOML file of [[receipts]] tables instead of the list. ${NAME} is replaced from the environment.",
    )

    @field_validator("receipts", mode="before")
    @classmethod
    def _parse_receipts(cls, value: Any) -> Any:
        if isinstance(value, str):
            return parse_receipts(read_json(value)) if value.strip() else None
        return parse_receipts(value) if isinstance(value, list) else value

    @field_validator("receipts_file", mode="before")
    @classmethod
    def _read_receipts(cls, value: Any) -> Any:
        if not isinstance(value, str | Path):
            return value
        return parse_receipts(*read_tables(Path(value), "receipts", os.environ)) if str(value).strip() else None

    @settings_check("receipts", "receipts_file")
    def _one_source_of_receipts(self) -> Iterator[str]:
        if self.receipts is not None and self.receipts_file is not None:
            yield "ROLLCALL_RECEIPTS: at most one of ROLLCALL_RECEIPTS and ROLLCALL_RECEIPTS_FILE may be set"

    @property
    def receipt_entries(self) -> tuple[ReceiptEntry, ...]:
        """Return the entries in the order of the settings."""
        return self.receipts or self.receipts_file or ()
