"""The OpenAPI document is exact: schemathesis finds no fault with it alone, and a client can be generated from it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from cli.admin.development_token import issue_token
from devstack import Stack
from tests.e2e.documents.code_blocks import ROOT, run
from tests.e2e.producer.openapi_hooks import BEYOND_A_SCHEMA
from tests.support.deployment import NO_RATE_LIMITS, Deployment, a_deployment
from tests.support.polling import wait_until_sync

EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "0"))
"""More examples of each operation: `OPENAPI_EXAMPLES=500 pytest tests/e2e/producer/test_openapi.py`."""
BIN = Path(sys.executable).parent
ADMIN = "communication:admin"

CONFIG = f"""
hooks = "tests.e2e.producer.openapi_hooks"
cache.enabled = false
continue-on-failure = true
{{auth}}

# What else they may be refused for, a check among the hooks knows in words.
[[operations]]
include-name = {list(BEYOND_A_SCHEMA)}
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 404, 409]

# Whatever is written as a body is a text. Its lines are named one by one, and the others are taken.
[[operations]]
include-name = "POST /communication/suppressions/import"
checks.negative_data_rejection.enabled = false
"""
TWO_TENANTS = """
[auth.wfc]
path = "tenants.json"
peers = ["tnt_a", "tnt_b"]
"""
"""Each tenant makes requests, and is tried against the requests of the other."""


@dataclass
class Service:
    deployment: Deployment
    url: str

    def token(self, tenant: str, *scopes: str) -> str:
        return issue_token(self.deployment.env["ROLLCALL_JWT_SECRET"], tenant, "usr_a", scopes, 3_600)


@pytest.fixture(scope="module")
def service(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("openapi")
    # Any topic is allowed to be answered on: which ones are is a setting, and no schema knows it.
    with (
        a_deployment(stack, folder, REPLY_TOPICS="*", **NO_RATE_LIMITS) as deployment,
        deployment.service("consumer"),
        deployment.service("producer") as producer,
    ):
        yield Service(deployment, producer.url)


def schemathesis(service: Service, folder: Path, auth: str, examples: int, *options: str) -> None:
    """Run all checks. A failure shows the output of schemathesis."""
    (folder / "schemathesis.toml").write_text(CONFIG.replace("{auth}", auth))
    chosen = ["--generation-database", "none"] if EXAMPLES else ["--seed", "1", "--generation-deterministic"]
    command = [
        *(BIN / "schemathesis", "--config-file", folder / "schemathesis.toml"),
        *("run", f"{service.url}/openapi.json", "--no-color", "--max-examples", str(EXAMPLES or examples)),
        *(*chosen, *options),
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_schemathesis_finds_no_fault_with_two_tenants(service: Service, tmp_path: Path) -> None:
    users = [
        {"name": tenant, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {service.token(tenant, ADMIN)}"}]}
        for tenant in ("tnt_a", "tnt_b")
    ]
    (tmp_path / "tenants.json").write_text(json.dumps({"auth": users}))
    schemathesis(service, tmp_path, TWO_TENANTS, 8)
    assert b"request failed" not in service.deployment.said()


@pytest.mark.parametrize("scopes", [None, ["communication:send"], ["communication:read"]])
def test_schemathesis_finds_no_fault_with_fewer_scopes(
    service: Service, tmp_path: Path, scopes: list[str] | None
) -> None:
    auth = f'headers.Authorization = "Bearer {service.token("tnt_c", *scopes)}"' if scopes else ""
    schemathesis(service, tmp_path, auth, 1, "--phases", "examples,fuzzing", "--warnings", "off")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return a package generated from the document. The generator prints the parts that it cannot generate."""
    folder = tmp_path_factory.mktemp("generated")
    path = ["--path", str(ROOT / "docs" / "openapi.json"), "--output-path", "rollcall_made"]
    config = folder / "config.yml"  # the generator knows no lines of JSON
    config.write_text("content_type_overrides:\n  application/x-ndjson: application/octet-stream\n")
    env = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    said = run([BIN / "openapi-python-client", "generate", *path, "--meta", "none", "--config", config], env, folder)
    assert said == "Generating rollcall_made\n"
    sys.path.insert(0, str(folder))
    try:
        yield import_module("rollcall_made")
    finally:
        sys.path.remove(str(folder))


def test_a_generated_client_can_send_follow_and_read(service: Service, client: Any) -> None:
    api, models, types = (import_module(f"{client.__name__}.{name}") for name in ("api", "models", "types"))
    calls = {
        name: import_module(f"{api.__name__}.communication.{name}").sync
        for name in ("send_bulk", "read_request", "list_logs", "read_log", "search_logs")
    }
    started = datetime.now(UTC) - timedelta(seconds=1)
    with client.AuthenticatedClient(service.url, token=service.token("tnt_d", ADMIN)) as caller:
        to = [
            models.Recipient(
                to="13800138000",
                reference="order-17",
                variables=models.RecipientVariables.from_dict({"code": "123456"}),
            ),
            models.Recipient(to="12345", variables=models.RecipientVariables.from_dict({"code": "654321"})),
        ]
        body = models.BulkSendRequest(channel=models.Channel.SMS, content="Your code is {{code}}", recipients=to)
        accepted = calls["send_bulk"](client=caller, body=body, idempotency_key="order-17")
        assert [item.status for item in accepted.items] == [models.Status.PENDING] * 2
        assert accepted.items[0].sent_at is types.UNSET

        followed = follow(lambda: calls["read_request"]("order-17", client=caller))
        assert followed.by_status.to_dict() == {"sent": 1, "failed": 1}
        assert followed.category is models.Category.TRANSACTIONAL
        assert started < followed.accepted_at <= followed.completed_at

        listed = calls["list_logs"](client=caller, request_id="order-17", status=[models.Status.FAILED])
        assert [(log.status, log.reason) for log in listed.items] == [
            (models.Status.FAILED, models.Reason.INVALID_RECIPIENT)
        ]
        one = calls["read_log"](accepted.items[0].id, client=caller)
        assert (one.status, one.content, one.reference) == (models.Status.SENT, "Your code is 123456", "order-17")
        assert one.sent_at >= one.created_at
        asked = models.LogSearch(recipient="13800138000", from_=one.created_at, status=[models.Status.SENT])
        found = calls["search_logs"](client=caller, body=asked)
        assert [log.id for log in found.items] == [one.id]

        nowhere = calls["read_log"]("log_0", client=caller)
        assert isinstance(nowhere, models.SimpleResponse)
        assert nowhere.code == 404


def follow(ask: Any) -> Any:
    """Poll until the request is complete. Before a consumer has expanded it, it is not visible."""

    def completed() -> Any:
        found = ask()
        return found if getattr(found, "complete", False) else None

    return wait_until_sync(completed)
