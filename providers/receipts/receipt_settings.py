"""Settings of the keys with which receipts are checked, from a list or from a file."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from config.settings import Settings, settings_check
from providers.config_file import read_json, read_tables
from providers.receipts.receipt_entries import parse_receipts
from providers.receipts.receipt_format import ReceiptEntry


class ReceiptSettings(Settings):
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
    public_url: str | None = Field(
        default=None,
        description="public base URL of the producer, such as https://rollcall.example.org. Signatures of vendors "
        "contain it. Unset: the URL of each call as it arrives",
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

    @field_validator("public_url")
    @classmethod
    def _base(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            valid = False
        if not valid or parts.username is not None or any(char in value for char in "?#") or not value.isprintable():
            raise ValueError("must be a URL of http or https without user, query and fragment")
        return value.rstrip("/")

    @settings_check("receipts", "receipts_file")
    def _one_source_of_receipts(self) -> Iterator[str]:
        if self.receipts is not None and self.receipts_file is not None:
            yield "ROLLCALL_RECEIPTS: at most one of ROLLCALL_RECEIPTS and ROLLCALL_RECEIPTS_FILE may be set"

    @property
    def receipt_entries(self) -> tuple[ReceiptEntry, ...]:
        """Return the entries in the order of the settings."""
        return self.receipts or self.receipts_file or ()
