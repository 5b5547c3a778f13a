"""The programs of docs/clients.md run unchanged."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from devstack import Stack
from tests.e2e.caller import Results, reading
from tests.e2e.documents.code_blocks import block, run
from tests.support.cli_runner import ROLLCALL
from tests.support.deployment import Deployment, a_deployment
from tests.support.repository import ROOT
from tests.support.skipping import not_run
from tests.torture.offsets import read_to_the_end

of_page = partial(block, "docs/clients.md", "test_clients.py")
ENDED = [
    "order-17 138****8000 sent",
    "order-18 *** failed invalid_recipient",
]
"""Line of each recipient. Each language prints an absent reason in its own way."""


@pytest.fixture(scope="module")
def deployment(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Start a consumer with the topic names of the page."""
    with (
        a_deployment(stack, tmp_path_factory.mktemp("clients"), TOPIC_PREFIX="communication") as deployment,
        deployment.service("consumer"),
    ):
        yield deployment


def assert_ended(output: str, completed: str) -> None:
    *deliveries, last = output.splitlines()
    outcomes = sorted(line.removesuffix(" None").removesuffix(" null") for line in deliveries)
    assert outcomes == ENDED
    assert last == completed


def needs(program: str, package: str) -> None:
    if shutil.which(program) is None:
        not_run(f"needs {program}, fix: apt-get install -y {package}")


def test_python_publishes_and_follows(deployment: Deployment) -> None:
    output = run([sys.executable, "-c", of_page("runs this: python")], deployment.env)
    assert_ended(output, "completed: {'failed': 1, 'sent': 1}")


async def test_an_outbox_is_sent_once_even_if_its_relay_does_not_know_that_it_was_published(
    deployment: Deployment, tmp_path: Path
) -> None:
    program = of_page("runs this: outbox")
    # The first producer of a new broker waits for the coordinator. confluent-kafka writes a warning about that.
    async with AIOKafkaProducer(bootstrap_servers=deployment.bootstrap, transactional_id="shop-outbox"):
        pass
    assert run([sys.executable, "-c", program], deployment.env, tmp_path) == "published: 2 0\n"
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("UPDATE outbox SET published = 0")
        ids = [request_id for (request_id,) in database.execute("SELECT request_id FROM outbox")]
    again = "\n".join(line for line in program.splitlines() if not line.startswith("place_order"))
    assert run([sys.executable, "-c", again], deployment.env, tmp_path) == "published: 2 0\n"
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        for request_id in ids:
            assert (await results.completed(request_id)).by_status == {"sent": 1}
    await read_to_the_end(deployment)
    for request_id in ids:
        assert deployment.database["communication_logs"].count_documents({"request_id": request_id}) == 1


def test_node_publishes_and_follows(deployment: Deployment, tmp_path: Path) -> None:
    needs("npm", "nodejs npm")
    packages = ["kafkajs@2.2.4", "lz4-napi@2.10.0"]
    assert f"npm install {' '.join(packages)}" in (ROOT / "docs" / "clients.md").read_text("utf-8")
    quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(tmp_path)]
    subprocess.run(["npm", "install", *quiet, *packages], check=True, timeout=120, capture_output=True)
    program = tmp_path / "client.mjs"
    program.write_text(of_page("runs this: node"))
    output = run(["node", program], {**deployment.env, "KAFKAJS_NO_PARTITIONER_WARNING": "1"}, tmp_path)
    assert_ended(output, 'completed: {"failed":1,"sent":1}')


def test_kcat_publishes_and_follows(deployment: Deployment) -> None:
    needs("kcat", "kcat")
    command = ["bash", "-c", of_page("runs this: kcat")]
    done = subprocess.run(command, env=deployment.env, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("kcat-")
    assert '"by_status":{"sent":1}' in done.stdout
    # grep ends after its line, and kcat may still write then.
    assert [line for line in done.stderr.splitlines() if "Broken pipe" not in line] == []


def test_http_with_a_key(deployment: Deployment) -> None:
    with deployment.service("producer") as producer:
        token = run(
            [ROLLCALL, "token", "--tenant", "tnt_xyz789", "--user", "usr_a"],
            deployment.env,
        )
        env = {**deployment.env, "ROLLCALL_TOKEN": token.strip(), "ROLLCALL_URL": producer.url}
        output = run([sys.executable, "-c", of_page("runs this: http")], env)
    assert output == "200 accepted 1\n"


def test_a_generated_client_sends_and_follows(deployment: Deployment, tmp_path: Path) -> None:
    bin_folder = ROLLCALL.parent
    with deployment.service("producer") as producer:
        scopes = ["--scope", "communication:send", "--scope", "communication:read"]
        token = run(
            [bin_folder / "rollcall", "token", "--tenant", "tnt_xyz789", "--user", "usr_a", *scopes], deployment.env
        )
        env = {
            **deployment.env,
            "PATH": f"{bin_folder}:{deployment.env['PATH']}",
            "ROLLCALL_TOKEN": token.strip(),
            "ROLLCALL_URL": producer.url,
        }
        run(["bash", "-c", of_page("runs this: generate")], env, tmp_path)
        output = run([sys.executable, "-c", of_page("runs this: generated")], env, tmp_path)
    assert_ended(output, "completed: {'failed': 1, 'sent': 1}")
