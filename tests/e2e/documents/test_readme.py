"""The examples of the README and of the pages that belong to it, run exactly as they are written there."""

import asyncio
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from devstack import Stack
from tests.e2e.caller import Results, reading
from tests.e2e.documents.code_blocks import block as page_block
from tests.e2e.documents.code_blocks import run
from tests.support.cli_runner import link_rollcall
from tests.support.deployment import Deployment, Service, a_deployment
from tests.support.repository import CONTRACT_DATA, ROOT
from tests.support.skipping import not_run

README = (ROOT / "README.md").read_text("utf-8")
EXAMPLE = CONTRACT_DATA / "example-request.json"
block = partial(page_block, "README.md", "test_readme.py")
of_sending = partial(page_block, "docs/sending.md", "test_readme.py")
of_reading = partial(page_block, "docs/reading-results.md", "test_readme.py")


@pytest.fixture(scope="module")
def deployment(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Start a consumer with the topic names that the pages use."""
    with (
        a_deployment(stack, tmp_path_factory.mktemp("readme"), TOPIC_PREFIX="communication") as deployment,
        deployment.service("consumer"),
    ):
        yield deployment


@pytest.fixture(scope="module")
def producer(deployment: Deployment) -> Iterator[Service]:
    with deployment.service("producer") as producer:
        yield producer


def a_script(folder: Path, lines: str) -> Path:
    """Write a shell script into a folder whose `.venv` has the command of this environment."""
    link_rollcall(folder)
    script = folder / "lines.sh"
    script.write_text(lines)
    return script


def test_a_template_is_stored_and_previewed(deployment: Deployment, tmp_path: Path) -> None:
    script = a_script(tmp_path, of_sending("runs this: template"))

    assert run(["bash", "-eu", script], deployment.env, tmp_path) == of_sending("expects this: template")


@pytest.mark.parametrize("page", [block, of_sending], ids=["README.md", "docs/sending.md"])
def test_a_program_publishes_a_request_and_reads_its_results(
    deployment: Deployment, page: Callable[[str], str]
) -> None:
    printed = run([sys.executable, "-W", "error", "-c", page("runs this: kafka")], deployment.env)

    assert printed == page("expects this: kafka")


async def test_the_first_request_is_accepted_over_http_and_read_back(
    deployment: Deployment, producer: Service, tmp_path: Path
) -> None:
    if shutil.which("curl") is None:
        not_run("needs curl, fix: apt-get install -y curl")
    script = a_script(tmp_path, block("runs this: token") + block("runs this: request"))
    env = {**deployment.env, "ROLLCALL_HTTP_PORT": producer.url.rpartition(":")[2]}

    async with reading(deployment.bootstrap, Results("communication.results")) as results:
        answer = json.loads(await asyncio.to_thread(run, ["bash", "-eu", script], env, tmp_path))
        assert (answer["code"], answer["total"]) == (200, 2)
        completed = await results.completed(answer["items"][0]["request_id"])
        assert completed.by_status == {"sent": 2}
        assert completed.tenant_id == "tnt_xyz789"

    script.write_text(of_reading("runs this: reading"))
    printed = await asyncio.to_thread(run, ["bash", "-eu", script], env, tmp_path)
    requests, logs, search = json.loads("[" + printed.replace("}{", "},{") + "]")
    assert [item["request_id"] for item in requests["items"]] == [completed.request_id]
    assert logs["pagination"]["has_next"]
    assert [item["request_id"] for item in logs["items"]] == [completed.request_id]
    item = search["items"][0]
    assert (item["recipient"], item["content"], item["status"]) == ("138****8000", "您的验证码是123456", "sent")


def test_the_first_request_is_the_contracts_own_example() -> None:
    body = re.search(r"-d '(.*?)'\n", block("runs this: request"), re.DOTALL)
    assert body is not None
    assert body[1] == EXAMPLE.read_text("utf-8").rstrip("\n")
