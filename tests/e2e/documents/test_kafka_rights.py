"""The rights of docs/operations.md are sufficient and necessary, on a Kafka with authentication."""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import TopicAuthorizationFailedError

from cli.admin.development_token import issue_token
from devstack import LocalKafka, Stack
from devstack.packages import why_no_kafka
from devstack.processes import free_port
from providers.receipts.generic import SIGNATURE_HEADER, sign
from tests.e2e.caller import create_topic
from tests.e2e.documents.code_blocks import block, run
from tests.support.deployment import Deployment, a_deployment
from tests.support.service import GOOD, SECRET
from tests.support.skipping import not_run
from tests.unit.providers.bounces.sample_bounces import KEY, POSTFIX

USERS = ("rollcall-consumer", "rollcall-producer", "rollcall-bounces", "shop")
RECEIPT_KEY = "a key of the gateway with 32 characters"
RECEIPTS = json.dumps([{"kind": "http", "provider": "gateway", "signing_key": RECEIPT_KEY}])
_GUARD = """
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
sasl.enabled.mechanisms=PLAIN
inter.broker.listener.name=PLAINTEXT
listener.name.sasl_plaintext.plain.sasl.jaas.config={login} required {users};
"""
_LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule"


class GuardedKafka(LocalKafka):
    """Kafka with two ports. The first allows everything. The second allows what the user may."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.guarded_port = free_port()

    @property
    def guarded(self) -> str:
        return f"127.0.0.1:{self.guarded_port}"

    def _format(self, jars: str, properties: Path) -> None:
        super()._format(jars, properties)
        second = f"SASL_PLAINTEXT://127.0.0.1:{self.guarded_port}"
        text = properties.read_text()
        for name in ("listeners", "advertised.listeners"):
            text = text.replace(f"\n{name}=PLAINTEXT", f"\n{name}={second},PLAINTEXT")
        text = text.replace("map=PLAINTEXT", "map=SASL_PLAINTEXT:SASL_PLAINTEXT,PLAINTEXT")
        users = " ".join(f'user_{name}="pass-of-{name}"' for name in USERS)
        properties.write_text(text + _GUARD.format(login=_LOGIN, users=users))


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    if lack := why_no_kafka():
        not_run(lack)
    kafka = GuardedKafka(tmp_path_factory.mktemp("guarded"))
    try:
        kafka.launch()
        kafka.wait()
        yield kafka
    finally:
        kafka.kill()


@pytest.fixture(scope="module")
def deployment(kafka: GuardedKafka, mongo_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("rights")
    stack = Stack(kafka.bootstrap, mongo_url, "process", durable=True, note="")
    settings = {"TOPIC_PREFIX": "communication", "JWT_SECRET": SECRET, "REPLY_TOPICS": "replies.*,others.*"}
    settings["RECEIPTS"] = RECEIPTS
    with a_deployment(stack, folder, **settings) as deployment:
        tool = folder / "kafka-acls.sh"
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).with_name("kafka_acls.py")}" "$@"\n')
        tool.chmod(0o755)
        env = {**deployment.env, "PATH": f"{folder}:{deployment.env['PATH']}"}
        run(["bash", "-eu", "-c", block("docs/operations.md", "test_kafka_rights.py", "runs this: rights")], env)
        yield deployment


def as_user(deployment: Deployment, kafka: GuardedKafka, user: str) -> Deployment:
    login = {
        "ROLLCALL_KAFKA_BOOTSTRAP": kafka.guarded,
        "ROLLCALL_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "ROLLCALL_KAFKA_SASL_MECHANISM": "PLAIN",
        "ROLLCALL_KAFKA_SASL_USERNAME": user,
        "ROLLCALL_KAFKA_SASL_PASSWORD": f"pass-of-{user}",
    }
    return Deployment({**deployment.env, **login}, deployment.folder, deployment.database, deployment._numbers)


def client_of(kafka: GuardedKafka, user: str) -> dict[str, str]:
    return {
        "bootstrap_servers": kafka.guarded,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": user,
        "sasl_plain_password": f"pass-of-{user}",
    }


async def test_with_these_rights_a_request_is_sent_and_its_caller_reads_the_results(
    deployment: Deployment, kafka: GuardedKafka
) -> None:
    services = {name: as_user(deployment, kafka, f"rollcall-{name}") for name in ("consumer", "producer")}
    request = {
        "tenant_id": "tnt_a",
        "request_id": "r1",
        "channel": "sms",
        "content": "Hello",
        "recipients": ["13800138000"],
    }
    with services["consumer"].service("consumer"), services["producer"].service("producer"):
        async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all") as producer:
            await producer.send_and_wait("communication.bulk.requests.express", json.dumps(request).encode(), b"r1")
        async with AIOKafkaConsumer(
            "communication.results", group_id="shop", auto_offset_reset="earliest", **client_of(kafka, "shop")
        ) as results:
            async with asyncio.timeout(60):
                async for record in results:
                    if dict(record.headers)["ce_type"] == b"request.completed":
                        assert json.loads(record.value)["by_status"] == {"sent": 1}
                        break


async def test_the_producer_may_publish_receipts(deployment: Deployment, kafka: GuardedKafka) -> None:
    body = b'{"receipts": [{"message_id": "m1", "status": "sent"}]}'
    with as_user(deployment, kafka, "rollcall-producer").service("producer") as producer:
        headers = {SIGNATURE_HEADER: sign(RECEIPT_KEY, int(time.time()), body)}
        async with httpx.AsyncClient(base_url=producer.url, headers=headers) as client:
            assert (await client.post("/communication/callback/gateway", content=body)).status_code == 200


async def test_the_producer_refuses_a_reply_topic_that_does_not_exist_if_it_may_ask(
    deployment: Deployment, kafka: GuardedKafka
) -> None:
    await create_topic(kafka.bootstrap, "replies.shop")
    token = issue_token(SECRET, "tnt_a", "usr_a", ["communication:send"], 600)
    with as_user(deployment, kafka, "rollcall-producer").service("producer") as producer:
        async with httpx.AsyncClient(base_url=producer.url, headers={"Authorization": f"Bearer {token}"}) as client:
            answers = {
                topic: await client.post("/communication/bulk", json={**GOOD, "reply_topic": topic})
                for topic in ("replies.shop", "replies.nobody", "others.hidden")
            }
    assert {topic: answer.status_code for topic, answer in answers.items()} == {
        "replies.shop": 200,
        "replies.nobody": 400,
        "others.hidden": 200,
    }
    assert answers["replies.nobody"].json()["message"].startswith("reply_topic: does not exist")


def test_with_these_rights_bounces_are_published_and_without_them_they_stay(
    deployment: Deployment, kafka: GuardedKafka, tmp_path: Path
) -> None:
    for name in ("new", "cur"):
        (tmp_path / name).mkdir()
    (tmp_path / "new" / "1.a.host").write_bytes(POSTFIX)
    keys = {"ROLLCALL_RECEIPTS": json.dumps([{"kind": "smtp", "provider": "post", "bounce_key": KEY}])}

    refused, done = (
        as_user(deployment, kafka, user).rollcall("bounces", "--maildir", str(tmp_path), **keys)
        for user in ("shop", "rollcall-bounces")
    )

    assert (refused.exit_code, done.exit_code) == (1, 0), (refused.output, done.output)
    assert done.stdout.startswith("receipts published: 1,")


async def test_a_caller_may_ask_and_a_consumer_may_not(deployment: Deployment, kafka: GuardedKafka) -> None:
    topic = deployment.topics.requests_express
    async with AIOKafkaProducer(**client_of(kafka, "shop")) as producer:
        await producer.send_and_wait(topic, b"{}")
    async with AIOKafkaProducer(**client_of(kafka, "rollcall-consumer")) as producer:
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait(topic, b"{}")
