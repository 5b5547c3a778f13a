"""Generated documents are up to date, links lead to existing files, and .env.example is a working environment."""

import base64
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_settings import BaseSettings

from cli.settings import SendSettings, SetupSettings, TokenSettings
from config.settings import PREFIX, load
from consumer.settings import ConsumerSettings
from producer.settings import ProducerSettings
from schemas.receipts import Receipt
from schemas.requests import BulkRequest
from schemas.results import (
    ChunkPointer,
    DeliveryEvent,
    EventType,
    RequestAccepted,
    RequestCompleted,
    RequestRejected,
)
from schemas.statuses import Status
from schemas.topic_definitions import DAY_MS, Topics
from tests.support.repository import ROOT

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
ASYNCAPI = json.loads((ROOT / "docs" / "asyncapi.json").read_text("utf-8"))
RECORDS: dict[str, type[BaseModel]] = {
    "bulkRequest": BulkRequest,
    "deliveryEvent": DeliveryEvent,
    "receiptEvent": DeliveryEvent,
    "requestAccepted": RequestAccepted,
    "requestRejected": RequestRejected,
    "requestCompleted": RequestCompleted,
    "chunkPointer": ChunkPointer,
    "receipt": Receipt,
}
SECRETS = {
    "ROLLCALL_SEALING_KEYS": f"k1:{base64.b64encode(bytes(32)).decode()}",
    "ROLLCALL_JWT_SECRET": "a secret of thirty-two characters",
}


def env_example() -> dict[str, str]:
    """Return the variables that .env.example sets, as a shell reads them."""
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    return dict(word.split("=", 1) for line in lines for word in shlex.split(line, comments=True))


def test_what_is_generated_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate.py", "--check"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "settings",
    [ConsumerSettings, ProducerSettings, SendSettings, SetupSettings, TokenSettings],
    ids=lambda s: s.__name__,
)
def test_the_example_environment_works_once_its_secrets_are_filled_in(
    settings: type[BaseSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    example = env_example()
    assert {name for name, value in example.items() if not value} == SECRETS.keys()
    for name, value in (example | SECRETS).items():
        assert name.startswith(PREFIX)
        monkeypatch.setenv(name, value)

    load(settings)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_links_to_exists(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))
    ours = [link.partition("#")[0] for link in links if "://" not in link]

    assert [link for link in ours if link and not (page.parent / link).exists()] == []


def test_the_protocol_names_every_topic_with_its_group_and_how_long_it_keeps() -> None:
    protocol = (ROOT / "docs" / "protocol.md").read_text("utf-8")
    topics = Topics()
    for spec in topics.specs():
        days, name = spec.retention_ms // DAY_MS, spec.name.removeprefix(topics.prefix)
        (row,) = [line for line in protocol.splitlines() if line.startswith(f"| `{name}` |")]
        assert row.endswith(f"| {days} day{'s' if days > 1 else ''} |")
        if spec.name not in {topics.results, topics.dead_letters}:
            assert f"| `{topics.group_of(spec.name)}` |" in row


def test_the_protocol_names_every_status_and_every_event_of_a_request() -> None:
    protocol = (ROOT / "docs" / "protocol.md").read_text("utf-8")
    events = [kind for kind in EventType if kind.startswith("request.")]
    assert [name for name in (*Status, *events) if f"`{name}`" not in protocol] == []


@pytest.mark.parametrize("message", ASYNCAPI["components"]["messages"].values(), ids=lambda message: message["name"])
def test_every_example_of_a_record_is_one(message: dict[str, Any]) -> None:
    (example,) = message["examples"]
    model = RECORDS.get(message["name"])
    assert (model is None) == (message["contentType" if model is None else "name"] == "application/octet-stream")
    if model is not None:
        model.model_validate_json(json.dumps(example["payload"]))
        assert example["payload"].keys() <= model.model_fields.keys()
    if message.get("headers", {}).get("required"):
        assert example["headers"].keys() == set(message["headers"]["required"])


def test_the_asyncapi_document_has_every_topic_and_every_event() -> None:
    addresses = {channel["address"] for channel in ASYNCAPI["channels"].values()}
    assert addresses == {spec.name for spec in Topics().specs()}
    types = ASYNCAPI["components"]["messages"]["deliveryEvent"]["headers"]["properties"]["ce_type"]["enum"]
    assert types == list(EventType)
