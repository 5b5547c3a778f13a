"""Generator of the documents that follow from the code: settings.md, .env.example, schemas/*.json and more.

``python docs/generate.py`` writes them. ``--check`` writes nothing and names the stale files.
tests/unit/documents/test_generated_documents.py runs this check.
"""  # noqa: INP001  # scripts beside the documents, no package

import argparse
import json
import sys
from pathlib import Path

from asyncapi_text import asyncapi_text
from cli_text import cli_page
from errors_text import errors_page
from openapi_text import openapi_text
from pydantic import BaseModel
from settings_text import env_example, settings_page

from schemas.bulk_body import BulkSendRequest
from schemas.callbacks import CallbackResultResponse
from schemas.consents import ConsentAddition, ConsentAnswer, ConsentListResponse, ConsentWithdrawal
from schemas.http_responses import (
    CommunicationLogListResponse,
    LogResponse,
    RequestListResponse,
    RequestResponse,
    SimpleResponse,
)
from schemas.personal_data import (
    EraseUserDataRequest,
    EraseUserDataResponse,
    ExportUserDataDetailResponse,
    ExportUserDataRequest,
)
from schemas.provider_configs import (
    CreateProviderConfigRequest,
    OkResponse,
    ProviderConfigListResponse,
    ProviderConfigResponse,
    UpdateProviderConfigRequest,
)
from schemas.query_parameters import LogSearch
from schemas.rate_limits import RateLimitsResponse
from schemas.receipts import Receipt
from schemas.record_base import IntakeRecord, PublishedRecord
from schemas.requests import BulkRequest
from schemas.results import ChunkPointer, DeliveryEvent, RequestAccepted, RequestCompleted, RequestRejected
from schemas.suppressions import (
    ExportedSuppression,
    SuppressedRecipient,
    SuppressionAdded,
    SuppressionAddition,
    SuppressionAnswer,
    SuppressionImported,
    SuppressionListResponse,
    SuppressionRemoval,
    SuppressionRemoved,
)

ROOT = Path(__file__).resolve().parents[1]

SCHEMAS: dict[str, type[IntakeRecord] | type[PublishedRecord]] = {
    "bulk-request": BulkRequest,
    "http-bulk-body": BulkSendRequest,
    "http-callback-response": CallbackResultResponse,
    "http-log-list-response": CommunicationLogListResponse,
    "http-log-response": LogResponse,
    "http-log-search": LogSearch,
    "http-ok-response": OkResponse,
    "http-personal-data-erasure": EraseUserDataRequest,
    "http-personal-data-erasure-response": EraseUserDataResponse,
    "http-personal-data-export": ExportUserDataRequest,
    "http-personal-data-export-response": ExportUserDataDetailResponse,
    "http-provider-creation": CreateProviderConfigRequest,
    "http-provider-list-response": ProviderConfigListResponse,
    "http-provider-response": ProviderConfigResponse,
    "http-provider-update": UpdateProviderConfigRequest,
    "http-rate-limits-response": RateLimitsResponse,
    "http-request-list-response": RequestListResponse,
    "http-request-response": RequestResponse,
    "http-simple-response": SimpleResponse,
    "http-consent-addition": ConsentAddition,
    "http-consent-list-response": ConsentListResponse,
    "http-consent-response": ConsentAnswer,
    "http-consent-withdrawal": ConsentWithdrawal,
    "http-suppressed-recipient": SuppressedRecipient,
    "http-suppression-added-response": SuppressionAdded,
    "http-suppression-addition": SuppressionAddition,
    "http-suppression-export-line": ExportedSuppression,
    "http-suppression-import-response": SuppressionImported,
    "http-suppression-list-response": SuppressionListResponse,
    "http-suppression-removal": SuppressionRemoval,
    "http-suppression-removed-response": SuppressionRemoved,
    "http-suppression-search-response": SuppressionAnswer,
    "event-delivery": DeliveryEvent,
    "event-request-accepted": RequestAccepted,
    "event-request-completed": RequestCompleted,
    "event-request-rejected": RequestRejected,
    "chunk-pointer": ChunkPointer,
    "receipt": Receipt,
}
"""Every record that crosses a boundary, by its file name."""


def documents() -> dict[str, str]:
    """Return the text of every generated file, by its path from the root."""
    schemas = {f"docs/schemas/{name}.json": schema_text(model) for name, model in SCHEMAS.items()}
    return {
        "docs/settings.md": settings_page(),
        ".env.example": env_example(),
        "docs/errors.md": errors_page(),
        "docs/cli.md": cli_page(),
        "docs/asyncapi.json": asyncapi_text(),
        "docs/openapi.json": openapi_text(),
        **schemas,
    }


def schema_text(model: type[BaseModel]) -> str:
    """Return the JSON Schema of a record: for validation if rollcall reads it, for serialization if it writes it."""
    schema = model.model_json_schema(mode="serialization" if issubclass(model, PublishedRecord) else "validation")
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def stale(texts: dict[str, str]) -> list[str]:
    """Return the files that are missing, differ, or are no longer generated."""
    wrong = [name for name, text in texts.items() if _read(name) != text]
    left = [path.relative_to(ROOT).as_posix() for path in (ROOT / "docs/schemas").glob("*")]
    return sorted({*wrong, *(name for name in left if name not in texts)})


def _read(name: str) -> str | None:
    path = ROOT / name
    return path.read_text("utf-8") if path.is_file() else None


def write(texts: dict[str, str]) -> None:
    """Write the stale files, and delete files that are no longer generated."""
    (ROOT / "docs/schemas").mkdir(exist_ok=True)
    for name in stale(texts):
        if name in texts:
            (ROOT / name).write_text(texts[name], "utf-8")
        else:
            (ROOT / name).unlink()


def main() -> int:
    """Write the files, or with --check name the stale ones. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python docs/generate.py", description=__doc__)
    parser.add_argument(
        "--check",
        action="store_true",
        help="Write nothing. Name the stale files, and exit with code 1 if there are any.",
    )
    if not parser.parse_args().check:
        write(documents())
        return 0
    names = stale(documents())
    sys.stdout.writelines(f"stale: {name}. Run `python docs/generate.py`.\n" for name in names)
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
