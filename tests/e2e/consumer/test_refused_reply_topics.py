"""Callers whose reply topics take no events or do not exist, on a real Kafka beside a caller with a good request."""

import uuid
from pathlib import Path

from aiokafka.admin import NewTopic

from devstack import Stack
from tests.e2e.caller import Results, publish, reading
from tests.e2e.sample_recipients import SIMULATOR, a_request
from tests.support.deployment import a_deployment
from tests.support.kafka_topics import create_topics
from tests.support.polling import wait_until

LIMITS = {"message.timestamp.before.max.ms": "0", "message.timestamp.type": "CreateTime"}


async def test_reply_topics_that_refuse_or_do_not_exist_stop_no_other_caller(stack: Stack, tmp_path: Path) -> None:
    replies = f"replies-{uuid.uuid4().hex[:8]}"
    refusing, missing = f"{replies}.refusing", f"{replies}.nobody"
    with a_deployment(stack, tmp_path, PROVIDERS=[SIMULATOR], REPLY_TOPICS=f"{replies}.*") as deployment:
        await create_topics(deployment.bootstrap, NewTopic(refusing, 1, 1, topic_configs=LIMITS))
        evil = [a_request(["13900000000"], reply_topic=missing) for _ in range(140)]
        evil += [a_request(["13900000000"], content="Hello", reply_topic=refusing) for _ in range(20)]
        victim = a_request(["13900000000"], content="Hello")
        async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
            with deployment.service("consumer") as consumer:
                await publish(deployment.bootstrap, deployment.topics.requests_express, *evil, victim, partition=0)
                assert (await results.completed(victim["request_id"])).by_status == {"sent": 1}
                await wait_until(lambda: "reply topic replaced by the default topic" in consumer.said())
                said = consumer.said()
                assert "intake paused" not in said
                # Before this topic counts as failed, each place of the intake may have tried it a few times.
                assert said.count("InvalidTimestampError") < 16 * 2 * 4
