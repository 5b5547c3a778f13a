"""A topic full of rubbish is not emptied into the dead letters; the other lane goes on, and a restart takes it up."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from devstack import Stack
from tests.e2e.caller import Reader, Results, publish, reading
from tests.e2e.sample_recipients import SIMULATOR, a_request
from tests.support.deployment import Service, a_deployment
from tests.support.polling import wait_until

RUN = 20


def not_ready(service: Service) -> dict[str, Any] | None:
    """What /readyz says; None while it is ready."""
    try:
        urllib.request.urlopen(f"{service.url}/readyz", timeout=5).close()
    except urllib.error.HTTPError as error:
        said: dict[str, Any] = json.loads(error.read())
        return said
    return None


async def test_a_flood_is_held_and_said_and_a_restart_takes_it_up(stack: Stack, tmp_path: Path) -> None:
    good, bulk = (a_request(["13900000000"], content="Hello") for _ in range(2))
    with a_deployment(stack, tmp_path, PROVIDERS=[SIMULATOR], POISON_RUN=RUN) as deployment:
        rubbish = [b"rubbish %d" % number for number in range(2 * RUN)]
        async with (
            reading(deployment.bootstrap, Results(deployment.topics.results)) as results,
            reading(deployment.bootstrap, Reader(deployment.topics.dead_letters)) as letters,
        ):
            with deployment.service("consumer") as consumer:
                origins = await publish(deployment.bootstrap, deployment.topics.requests, *rubbish, partition=0)
                await publish(deployment.bootstrap, deployment.topics.requests, bulk, partition=0)
                said = await wait_until(lambda: not_ready(consumer))
                assert said["dependencies"]["intake"] == {
                    "ready": False,
                    "trouble": f"{deployment.topics.requests} is held: more than {RUN} records in a row are unusable",
                }
                assert f'rollcall_intake_held{{topic="{deployment.topics.requests}"}} 1.0' in metrics(consumer)
                assert origins[RUN] in consumer.said()
                await publish(deployment.bootstrap, deployment.topics.requests_express, good, key=good["request_id"])
                assert (await results.completed(good["request_id"])).by_status == {"sent": 1}
                await wait_until(lambda: len(letters.records) >= RUN)
                assert len(letters.records) == RUN
            with deployment.service("consumer"):
                assert (await results.completed(bulk["request_id"])).by_status == {"sent": 1}
            await wait_until(lambda: len(letters.records) >= len(origins))
            assert sorted(dict(letter.headers)["origin"].decode() for letter in letters.records) == sorted(origins)


def metrics(service: Service) -> str:
    with urllib.request.urlopen(f"{service.url}/metrics", timeout=5) as answer:
        said: bytes = answer.read()
    return said.decode()
