"""MongoDB or Kafka away, at the start or in the middle: the services wait, say so, and go on by themselves."""

import json
import logging
import signal
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devstack import LocalKafka, LocalMongo, Stack
from devstack.packages import why_no_kafka
from devstack.processes import Child
from devstack.server import LocalServer
from tests.e2e.accounting import RecordingProviderProcess, an_accounting_provider
from tests.e2e.caller import Results, publish, reading
from tests.e2e.reconciliation import assert_balanced, roll
from tests.e2e.sample_recipients import a_request
from tests.support.cli_runner import ROLLCALL
from tests.support.deployment import Deployment, Service, a_deployment
from tests.support.polling import wait_until
from tests.support.skipping import not_run

SLOTS, WINDOW = 4, 50
MOST_SECONDS_TO_STOP = 11.0
RECIPIENTS = [f"139{index:08d}" for index in range(4_000)]

pytestmark = [pytest.mark.durable, pytest.mark.timeout(240)]


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "aiokafka")  # the test's own reader complains for as long as Kafka is away


@dataclass
class Servers:
    """A Kafka and a MongoDB that may be killed."""

    kafka: LocalKafka
    mongodb: LocalMongo

    @property
    def stack(self) -> Stack:
        return Stack(self.kafka.bootstrap, self.mongodb.url, "local", durable=True, note="")

    def named(self, name: str) -> LocalServer:
        return {"kafka": self.kafka, "mongodb": self.mongodb}[name]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    if lack := why_no_kafka():
        not_run(str(lack))
    servers = Servers(LocalKafka(tmp_path_factory.mktemp("kafka")), LocalMongo(tmp_path_factory.mktemp("mongo")))
    try:
        servers.mongodb.launch()
        servers.kafka.start()
        servers.mongodb.wait()
        yield servers
    finally:
        servers.kafka.kill()
        servers.mongodb.kill()


@contextmanager
def away(server: LocalServer) -> Iterator[None]:
    """Killed for the length of the block."""
    server.kill()
    try:
        yield
    finally:
        server.start()


def asked(service: Service, path: str) -> tuple[int, dict[str, Any]]:
    """(status, body); 0 while nobody listens."""
    try:
        with urllib.request.urlopen(service.url + path, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
    except OSError:
        return 0, {}


def not_ready_for(service: Service, name: str) -> bool:
    """Alive, not ready, and for this reason."""
    status, checks = asked(service, "/readyz")
    return status == 503 and not checks["dependencies"][name]["ready"] and asked(service, "/healthz")[0] == 200


def is_ready(service: Service) -> bool:
    return asked(service, "/readyz")[0] == 200


@pytest.mark.parametrize("name", ["mongodb", "kafka"])
async def test_a_consumer_waits_for_what_is_away_when_it_starts(servers: Servers, tmp_path: Path, name: str) -> None:
    with a_deployment(servers.stack, tmp_path) as deployment:
        request = a_request(RECIPIENTS[:100], content="Hello")
        await publish(deployment.bootstrap, deployment.topics.requests, request, key=request["request_id"])
        servers.named(name).kill()
        with deployment.service("consumer", ready=False) as consumer:
            await wait_until(lambda: not_ready_for(consumer, name))
            await wait_until(lambda: "waiting for the stack" in consumer.said())
            assert {"mongodb": "ROLLCALL_MONGO_URL", "kafka": "ROLLCALL_KAFKA_BOOTSTRAP"}[name] in consumer.said()
            servers.named(name).start()
            await wait_until(lambda: is_ready(consumer))
            async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
                completed = await results.completed(request["request_id"])
                await assert_balanced(deployment, results, completed, total=100)
    assert completed.by_status == {"sent": 100}


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[RecordingProviderProcess]:
    with an_accounting_provider(tmp_path) as provider:
        yield provider


@pytest.mark.parametrize("name", ["mongodb", "kafka"])
async def test_an_outage_in_the_middle_loses_nobody_and_needs_no_restart(
    servers: Servers, provider: RecordingProviderProcess, tmp_path: Path, name: str
) -> None:
    # Leases end while the server is away: whoever was sending must not go on as if they had not.
    settings = {"LEASE_SECONDS": 5, "MAX_CHUNKS_IN_FLIGHT": SLOTS, "WINDOW_SIZE": WINDOW}
    with a_deployment(
        servers.stack, tmp_path, PROVIDERS=[provider.entry | {"timeout_seconds": 2.5}], **settings
    ) as deployment:
        request = a_request(RECIPIENTS, content="Hello")
        later = a_request(RECIPIENTS[:20], content="Hello")
        async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
            with deployment.service("consumer") as consumer:
                await publish(deployment.bootstrap, deployment.topics.requests, request, key=request["request_id"])
                await wait_until(lambda: len(provider.accepted()) > len(RECIPIENTS) / 4)
                with away(servers.named(name)):
                    assert len(provider.accepted()) < len(RECIPIENTS)
                    await wait_until(lambda: not_ready_for(consumer, name))
                    await wait_until(lambda: '"readiness lost"' in consumer.said())
                await wait_until(lambda: is_ready(consumer))
                await wait_until(lambda: '"readiness regained"' in consumer.said())
                completed = await results.completed(request["request_id"])
                await assert_balanced(deployment, results, completed, total=len(RECIPIENTS))
                await publish(deployment.bootstrap, deployment.topics.requests_express, later, key=later["request_id"])
                assert (await results.completed(later["request_id"])).by_status == {"sent": 20}
                assert consumer.child.exit_code() is None
        assert_accounted(deployment, provider, request["request_id"])


@pytest.mark.parametrize("name", ["mongodb", "kafka"])
async def test_a_stop_ends_in_time_while_a_server_is_frozen(servers: Servers, tmp_path: Path, name: str) -> None:
    entry = {"name": "slow", "kind": "simulator", "channel": "sms", "latency_ms": 500}
    with a_deployment(servers.stack, tmp_path, PROVIDERS=[entry], WINDOW_SIZE=10) as deployment:
        request = a_request(RECIPIENTS[:200], content="Hello")
        with deployment.service("consumer") as consumer, deployment.service("producer") as producer:
            await publish(deployment.bootstrap, deployment.topics.requests, request, key=request["request_id"])
            await wait_until(lambda: len(roll(deployment, request["request_id"])) > 0)
            servers.named(name).signal(signal.SIGSTOP)
            try:
                asked_at = time.monotonic()
                for service in (consumer, producer):
                    service.child.signal(signal.SIGTERM)
                await wait_until(lambda: {consumer.child.exit_code(), producer.child.exit_code()} == {0}, 30)
                stopped_after = time.monotonic() - asked_at
            finally:
                servers.named(name).signal(signal.SIGCONT)
    assert stopped_after < MOST_SECONDS_TO_STOP


async def test_a_send_that_loses_kafka_says_that_the_request_continues_and_how_to_follow_it(
    servers: Servers, tmp_path: Path
) -> None:
    file, log = tmp_path / "people.csv", tmp_path / "send.log"
    file.write_text("to\n13800000011\n")
    with a_deployment(servers.stack, tmp_path) as deployment:
        options = ["--channel", "sms", "--content", "Hello", "--tenant", "tnt_e2e"]
        sending = Child([ROLLCALL, "send", file, *options], log=log, env=deployment.env)
        try:
            await wait_until(lambda: "waiting for a consumer" in log.read_text())
            with away(servers.kafka):
                await wait_until(lambda: "Follow it with" in log.read_text())
            with deployment.service("consumer"):
                await wait_until(lambda: sending.exit_code() is not None)
        finally:
            sending.kill()
    output = log.read_text()
    request_id = output.split()[1]
    assert "Kafka does not answer. Waiting for it. The request continues without this command." in output
    assert f"watch {request_id} --tenant tnt_e2e`." in output
    assert output.endswith("all accounted for: yes\n")


def assert_accounted(deployment: Deployment, provider: RecordingProviderProcess, request_id: str) -> None:
    """Nobody was sent to twice; `sent` was accepted; what is unknown was under way when the lease ran out."""
    accepted = Counter(provider.accepted())
    logs = {log["_id"]: log["outcome"] for log in roll(deployment, request_id).values()}
    sent = {log_id for log_id, outcome in logs.items() if outcome == "sent"}
    unknown = {log_id for log_id, outcome in logs.items() if outcome == "unknown"}
    assert max(accepted.values()) == 1
    assert sent | unknown == logs.keys()
    assert sent <= accepted.keys()
    assert len(unknown) <= 2 * SLOTS * WINDOW
