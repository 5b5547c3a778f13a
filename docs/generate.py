"""``python docs/generate.py`` writes what the code already says: settings.md, .env.example, schemas/*.json.

``--check`` writes nothing and names what is stale; tests/unit/documents/test_generated_documents.py asks the same.
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
from schemas.http_responses import (
    CommunicationLogListResponse,
    LogResponse,
    RequestListResponse,
    RequestResponse,
    SimpleResponse,
)
from schemas.read_requests import LogSearch
from schemas.receipts import Receipt
from schemas.record_base import IntakeRecord, PublishedRecord
from schemas.requests import BulkRequest
from schemas.results import ChunkPointer, DeliveryEvent, RequestAccepted, RequestCompleted, RequestRejected

ROOT = Path(__file__).resolve().parents[1]

SCHEMAS: dict[str, type[IntakeRecord] | type[PublishedRecord]] = {
    "bulk-request": BulkRequest,
    "http-bulk-body": BulkSendRequest,
    "http-log-list-response": CommunicationLogListResponse,
    "http-log-response": LogResponse,
    "http-log-search": LogSearch,
    "http-request-list-response": RequestListResponse,
    "http-request-response": RequestResponse,
    "http-simple-response": SimpleResponse,
    "event-delivery": DeliveryEvent,
    "event-request-accepted": RequestAccepted,
    "event-request-completed": RequestCompleted,
    "event-request-rejected": RequestRejected,
    "chunk-pointer": ChunkPointer,
    "receipt": Receipt,
}
"""Every record that crosses a boundary, by the name of its file."""


def documents() -> dict[str, str]:
    """Every generated file by its path from the root."""
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
    """The JSON Schema of a record: of what we read as it may come, of what we write as it is written."""
    said = model.model_json_schema(mode="serialization" if issubclass(model, PublishedRecord) else "validation")
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **said}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def stale(wanted: dict[str, str]) -> list[str]:
    """What is missing, differs, or is generated no longer."""
    wrong = [name for name, text in wanted.items() if _standing(name) != text]
    left = [path.relative_to(ROOT).as_posix() for path in (ROOT / "docs/schemas").glob("*")]
    return sorted({*wrong, *(name for name in left if name not in wanted)})


def _standing(name: str) -> str | None:
    path = ROOT / name
    return path.read_text("utf-8") if path.is_file() else None


def write(wanted: dict[str, str]) -> None:
    """Write what is stale, and delete what is generated no longer."""
    (ROOT / "docs/schemas").mkdir(exist_ok=True)
    for name in stale(wanted):
        if name in wanted:
            (ROOT / name).write_text(wanted[name], "utf-8")
        else:
            (ROOT / name).unlink()


def main() -> int:
    """Write, or with --check say what is stale; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python docs/generate.py", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, name what is stale, exit code 1")
    if not parser.parse_args().check:
        write(documents())
        return 0
    found = stale(documents())
    sys.stdout.writelines(f"stale: {name}; run `python docs/generate.py`\n" for name in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
