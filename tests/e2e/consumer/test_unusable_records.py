"""What cannot be used is kept sealed and answered, says nothing to anybody, and the next record is handled."""

import asyncio
import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from aiokafka import ConsumerRecord
from aiokafka.errors import MessageSizeTooLargeError

from devstack import Stack
from ledger.dead_letter_format import SEALED_NAME, read_rejected_request
from schemas.results import RequestCompleted, RequestRejected
from tests.e2e.caller import Reader, Results, create_topic, publish, reading
from tests.e2e.consumer.unusable_records import ALL, MIB, Bad
from tests.e2e.reconciliation import roll
from tests.e2e.sample_recipients import SIMULATOR, a_request, assert_tells_nobody
from tests.support.deployment import Deployment, a_deployment
from tests.support.polling import wait_until


@pytest.fixture(scope="module")
def deployment(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with (
        a_deployment(
            stack, tmp_path_factory.mktemp("bad"), PROVIDERS=[SIMULATOR], REPLY_TOPICS="callers-*,house-*"
        ) as deployment,
        deployment.service("consumer"),
    ):
        yield deployment


@dataclass
class Aftermath:
    """What there is once every bad record, each with a good one right behind it, was handled."""

    origins: dict[str, str]
    good: dict[str, str]
    letters: Reader
    results: Results

    def letter(self, bad: Bad) -> ConsumerRecord:
        letter = letter_of(self.letters, self.origins[bad.name])
        assert letter is not None
        return letter

    def rejected(self, bad: Bad) -> list[RequestRejected]:
        """The rejections whose ids say that they are about this record."""
        event_id = f"evt_{self.origins[bad.name].replace('/', '.')}.rejected"
        found = self.results.events.get(event_id)
        return [found] if isinstance(found, RequestRejected) else []


@pytest.fixture(scope="module")
def aftermath(deployment: Deployment) -> Aftermath:
    return asyncio.run(publish_all(deployment))


async def publish_all(deployment: Deployment) -> Aftermath:
    """Each bad record and the good one share a key, so that they are in one partition, one behind the other."""
    after = Aftermath({}, {}, Reader(deployment.topics.dead_letters), Results(deployment.topics.results))
    async with reading(deployment.bootstrap, after.letters), reading(deployment.bootstrap, after.results):
        for bad in ALL:
            good = a_request(["13900000000"], content="Hello")
            value, key = json.dumps(good).encode(), good["request_id"]
            after.good[bad.name] = key
            (after.origins[bad.name],) = await publish(
                deployment.bootstrap, deployment.topics.requests, bad.value, key=key, headers=bad.headers
            )
            await publish(deployment.bootstrap, deployment.topics.requests, value, key=key)
        for request_id in after.good.values():
            await after.results.completed(request_id)
        await wait_until(lambda: len(after.letters.records) >= len(ALL))
    return after


@pytest.mark.parametrize("bad", ALL, ids=lambda bad: bad.name)
def test_a_bad_record_is_kept_sealed_and_answered_and_the_next_one_is_handled(
    deployment: Deployment, aftermath: Aftermath, bad: Bad
) -> None:
    letter = aftermath.letter(bad)
    headers = dict(letter.headers)
    assert (headers["origin"], headers["reason"]) == (aftermath.origins[bad.name].encode(), bad.reason.encode())
    assert read_rejected_request(letter.headers).fields == tuple(bad.fields or ())
    assert opened(deployment, letter) == (list(bad.headers), bad.value)
    assert letter.key.decode() == aftermath.good[bad.name]
    expected = [] if bad.fields is None else [(bad.reason, bad.fields)]
    assert [told(event) for event in aftermath.rejected(bad)] == expected
    (completed,) = aftermath.results.of(RequestCompleted, aftermath.good[bad.name])
    assert completed.by_status == {"sent": 1}


def told(event: RequestRejected) -> tuple[str, list[str]]:
    return event.reason.value, event.fields


def opened(deployment: Deployment, letter: ConsumerRecord) -> tuple[list[tuple[str, bytes | None]], bytes | None]:
    """(headers, value) of the record in a dead letter: four bytes length, the headers as JSON, the value."""
    plain = deployment.sealer.open(letter.value, SEALED_NAME)
    length = int.from_bytes(plain[:4], "big")
    about, value = json.loads(plain[4 : 4 + length]), plain[4 + length :]
    headers = [(name, None if said is None else base64.b64decode(said)) for name, said in about["headers"]]
    return headers, None if about["null"] else value


def test_nothing_of_a_bad_record_is_shown_to_anybody(deployment: Deployment, aftermath: Aftermath) -> None:
    assert_tells_nobody(deployment, aftermath.results, aftermath.letters)


async def test_the_topic_refuses_what_is_larger_than_a_mebibyte(deployment: Deployment) -> None:
    with pytest.raises(MessageSizeTooLargeError):
        await publish(deployment.bootstrap, deployment.topics.requests, b"x" * MIB)


@pytest.mark.parametrize("where", ["value", "key", "headers"])
async def test_what_was_compressed_to_pass_that_limit_holds_nobody_up(deployment: Deployment, where: str) -> None:
    huge = "x" * (5 * MIB)
    bad, good = (a_request(["13900000000"], content="Hello") for _ in range(2))
    bad |= {"content": huge} if where == "value" else {"tenant_id": None}
    key, headers = (huge if where == "key" else None), ([("huge", huge.encode())] if where == "headers" else [])
    async with (
        reading(deployment.bootstrap, Results(deployment.topics.results)) as results,
        reading(deployment.bootstrap, Reader(deployment.topics.dead_letters)) as letters,
    ):
        origin = (
            await publish(
                deployment.bootstrap, deployment.topics.requests_express, bad, key=key, headers=headers, gzip=True
            )
        )[0]
        await publish(
            deployment.bootstrap, deployment.topics.requests_express, good, partition=int(origin.split("/")[1])
        )
        assert (await results.completed(good["request_id"])).by_status == {"sent": 1}
        rejected = await results.rejected(bad["request_id"])
        assert rejected.reason == ("too_large" if where == "value" else "invalid_schema")
        letter = await wait_until(lambda: letter_of(letters, origin))
    kept = deployment.sealer.open(letter.value, SEALED_NAME)
    assert json.dumps(bad).encode()[: MIB // 2] in kept


def letter_of(letters: Reader, origin: str) -> ConsumerRecord | None:
    return next((r for r in letters.records if ("origin", origin.encode()) in r.headers), None)


async def test_headers_that_are_null_or_no_text_do_no_harm(deployment: Deployment) -> None:
    request = a_request(["13900000000"], content="Hello")
    raw = bytes.fromhex("8f3c00ff5a104bd2a0c1d2e3f4a5b6c7")
    headers = [
        ("null", None),
        ("binary", b"\xff\xfe\x00"),
        ("reply_to", None),
        ("kafka_correlationId", raw),
        ("content-type", None),
        ("correlation_id", None),
    ]
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        await publish(
            deployment.bootstrap, deployment.topics.requests, request, key=request["request_id"], headers=headers
        )
        completed = await results.completed(request["request_id"])
    assert (completed.by_status, completed.correlation_id) == ({"sent": 1}, raw.hex())


@pytest.mark.parametrize("own", ["requests", "chunks", "receipts", "dead_letters"])
async def test_a_request_cannot_have_its_results_written_to_rollcalls_own_topics(
    deployment: Deployment, own: str
) -> None:
    request = a_request(["13900000000"], content="Hello", reply_topic=getattr(deployment.topics, own))
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        await publish(deployment.bootstrap, deployment.topics.requests, request, key=request["request_id"])
        rejected = await results.rejected(request["request_id"])
    assert told(rejected) == ("reply_topic_refused", ["reply_topic"])


async def test_a_rejection_goes_to_the_default_topic_whatever_the_request_named(deployment: Deployment) -> None:
    await create_topic(deployment.bootstrap, "callers-rejected")
    request = a_request([], reply_topic="callers-rejected")
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        await publish(deployment.bootstrap, deployment.topics.requests, request, headers=[("correlation_id", b"mine")])
        rejected = await results.rejected(request["request_id"])
    assert (rejected.tenant_id, rejected.part, rejected.correlation_id) == (request["tenant_id"], None, "mine")


async def test_addresses_that_inject_headers_or_are_none_fail_alone(deployment: Deployment) -> None:
    bad = ["13900000001\r\nTo: 13900000002", "+8613900000003\x00", "tel:", " ", "0", "+" * 300]
    request = a_request([*bad, "13900000009"], content="Hello")
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        await publish(deployment.bootstrap, deployment.topics.requests_express, request, key=request["request_id"])
        completed = await results.completed(request["request_id"])
    assert completed.by_reason == {"invalid_recipient": len(bad)}
    assert [log["outcome"] for _, log in sorted(roll(deployment, completed.request_id).items())][-1] == "sent"
