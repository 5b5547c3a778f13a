"""Hostile requests, as bytes, to a real producer: each gets its error, and nothing is published."""

import asyncio
import contextlib
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.front import a_body
from bench.processes import peak_mib
from devstack import Stack
from producer.http.request_bodies import LARGEST_BODIES
from tests.e2e.producer.hostile import bodies, heads, tokens
from tests.e2e.producer.hostile.wire import TOKEN, Answer, Hostile, ask, head, post, read_answer, token
from tests.support.deployment import NO_RATE_LIMITS, Deployment, Service, a_deployment
from tests.support.polling import wait_until
from tests.support.service import BULK, GOOD, SECRET

ALL = (*heads.ALL, *tokens.ALL, *bodies.ALL)
AT_ONCE = 8
MOST_MIB = 250
UNREAD = 60
"""Number of callers that do not read their answers. Their answers are twice as large as what may wait."""


UNFINISHED = (b"", b"\r\n", b"GET /healthz HTTP/1.1\r\nX: ", post(b"{}", bearer=None)[:-1])


@dataclass(frozen=True)
class Outcome:
    """Responses to all hostile requests."""

    answers: dict[str, Answer]
    unfinished: dict[bytes, bytes]


@pytest.fixture(scope="module")
def deployment(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("hostile")
    with a_deployment(stack, folder, JWT_SECRET=SECRET, **NO_RATE_LIMITS) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def producer(deployment: Deployment) -> Iterator[Service]:
    with deployment.service("producer") as producer:
        yield producer


@pytest.fixture(scope="module")
def outcome(producer: Service) -> Outcome:
    return asyncio.run(ask_all(port_of(producer)))


def port_of(producer: Service) -> int:
    return int(producer.url.rpartition(":")[2])


async def ask_all(port: int) -> Outcome:
    """Send all requests, a few at a time, and call `/healthz` meanwhile."""
    answers: dict[str, Answer] = {}
    waiting = iter(ALL)

    async def work() -> None:
        for hostile in waiting:
            answers[hostile.name] = await ask(port, hostile.bytes())

    watching = asyncio.create_task(watch_health(port))
    silent = [asyncio.create_task(say_no_more(port, head)) for head in UNFINISHED]
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    answers_to_silence = await asyncio.gather(*silent)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    return Outcome(answers, dict(zip(UNFINISHED, answers_to_silence, strict=True)))


async def say_no_more(port: int, head: bytes) -> bytes:
    """Begin a request, and wait until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    async with asyncio.timeout(20):
        received = await reader.read()
    writer.close()
    return received


async def watch_health(port: int) -> None:
    while True:
        assert (await ask(port, head("GET /healthz HTTP/1.1"), 5)).status == 200
        await asyncio.sleep(0.1)


def test_the_table_is_long_and_names_each_request_once() -> None:
    assert len({hostile.name for hostile in ALL}) == len(ALL) >= 150


@pytest.mark.parametrize("hostile", ALL, ids=lambda hostile: hostile.name)
def test_a_hostile_request_gets_its_answer(outcome: Outcome, hostile: Hostile) -> None:
    answer = outcome.answers[hostile.name]
    assert answer.status == hostile.status, answer
    if hostile.name != "HEAD":
        assert_contract(answer, hostile.message)
    if answer.status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer ")
    if answer.status == 405:
        assert answer.headers["allow"]


def assert_contract(answer: Answer, message: str = "") -> None:
    assert answer.headers["content-type"] == "application/json"
    body = orjson.loads(answer.body)
    assert body.keys() == {"code", "message", "timestamp"}
    assert body["code"] == answer.status
    assert message in body["message"], body["message"]
    assert len(body["message"]) < 700


@pytest.mark.usefixtures("outcome")
async def test_no_hostile_request_was_published(deployment: Deployment) -> None:
    topics = (deployment.topics.requests, deployment.topics.requests_express)
    async with AIOKafkaConsumer(bootstrap_servers=deployment.bootstrap) as consumer:
        await asyncio.gather(*(consumer._client.add_topic(topic) for topic in topics))
        places = [TopicPartition(topic, at) for topic in topics for at in consumer.partitions_for_topic(topic) or ()]
        assert len(places) == 8
        assert set((await consumer.end_offsets(places)).values()) == {0}


@pytest.mark.usefixtures("outcome")
async def test_the_process_stays_within_its_memory_and_logs_no_secret(producer: Service) -> None:
    assert (await ask(port_of(producer), post())).status == 200
    peak = peak_mib(producer.child)
    print(f"peak RSS of the producer after {len(ALL)} hostile requests: {peak:.0f} MiB")  # noqa: T201
    assert peak <= MOST_MIB
    output = producer.said()
    assert '"fault"' not in output
    for word in ("13800138000", TOKEN, SECRET, "Traceback"):
        assert word not in output


@pytest.mark.usefixtures("outcome")
async def test_concurrent_large_calls_stay_within_the_memory_and_delay_no_other_call(producer: Service) -> None:
    port = port_of(producer)
    body = a_body(100_000)
    large = [post(body, bearer=token(tenant=f"tnt_{number}")) for number in range(LARGEST_BODIES)]
    watching = asyncio.create_task(watch_health(port))
    for answer in await asyncio.gather(*(ask(port, call, 100) for call in large)):
        assert (answer.status, orjson.loads(answer.body)["total"]) == (200, 100_000)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    peak = peak_mib(producer.child)
    print(f"peak RSS of the producer after three calls at once of 100,000 recipients: {peak:.0f} MiB")  # noqa: T201
    assert peak <= MOST_MIB


async def accepted_calls(port: int) -> int:
    """Return the number of bulk calls that were answered with 200."""
    page = (await ask(port, head("GET /metrics HTTP/1.1"))).body.decode()
    found = re.search(r'rollcall_http_requests_total\{code="200",route="/communication/bulk"\} (\d+)', page)
    return int(found[1]) if found else 0


async def connect_with_a_small_buffer(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect, so that what the caller does not read waits in the service and not in the kernel."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    return await asyncio.open_connection(sock=connection, limit=1_024)


async def test_callers_that_do_not_read_their_answers_take_little_memory(producer: Service) -> None:
    """Each answer has a megabyte. Those that wait longest are closed."""
    port = port_of(producer)
    mail = {"channel": "email", "subject": "Hi", "content": "x" * 200_000}
    body = orjson.dumps({**mail, "recipients": [f"a{number}@example.com" for number in range(100)]})
    accepted = await accepted_calls(port) + UNREAD
    silent = [await connect_with_a_small_buffer(port) for _ in range(UNREAD)]
    for number, (_, writer) in enumerate(silent):
        writer.write(post(body, path=f"{BULK}?page_size=100", bearer=token(tenant=f"tnt_{number % 5}")))

    async def all_are_answered() -> bool:
        return await accepted_calls(port) >= accepted

    await wait_until(all_are_answered)
    assert (await ask(port, post())).status == 200
    whole = 0
    for reader, writer in silent:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            whole += (await read_answer(reader)).status == 200
        writer.close()
    assert 0 < whole < UNREAD, "some were closed, although all were answered"
    peak = peak_mib(producer.child)
    print(f"peak RSS of the producer after {UNREAD} answers that nobody reads: {peak:.0f} MiB")  # noqa: T201
    assert peak <= MOST_MIB


async def test_a_request_is_answered_before_the_garbage_behind_it(producer: Service) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(producer))
    writer.write(head("GET /healthz HTTP/1.1") + b"GARBAGE\r\n\r\n")
    async with asyncio.timeout(10):
        assert (await read_answer(reader)).status == 200
        assert await reader.read() == b""
    writer.close()


async def test_pipelined_requests_are_answered_in_order(producer: Service) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(producer))
    writer.write(head("GET /healthz HTTP/1.1") + head("GET /nothing HTTP/1.1") + post(b"{}"))
    async with asyncio.timeout(10):
        assert [(await read_answer(reader)).status for _ in range(3)] == [200, 404, 400]
    writer.close()


async def test_a_thousand_pipelined_requests_are_not_kept(producer: Service) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(producer))
    writer.write(head("GET /healthz HTTP/1.1") * 1_000)
    async with asyncio.timeout(10):
        answers = (await reader.read()).count(b"HTTP/1.1 200 ")
    writer.close()
    assert 1 <= answers < 30


async def test_a_caller_that_expects_100_continue_is_asked_for_its_body(producer: Service) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(producer))
    whole = post(orjson.dumps({**GOOD, "content": ""}), "Expect: 100-continue")
    at = whole.index(b"\r\n\r\n") + 4
    writer.write(whole[:at])
    async with asyncio.timeout(10):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(whole[at:])
        assert (await read_answer(reader)).status == 400
    writer.close()


@pytest.mark.parametrize(
    ("at", "begins"), [(0, b""), (1, b"HTTP/1.1 408 "), (2, b"HTTP/1.1 408 "), (3, b"HTTP/1.1 401 ")]
)
def test_an_incomplete_request_times_out(outcome: Outcome, at: int, begins: bytes) -> None:
    assert outcome.unfinished[UNFINISHED[at]].startswith(begins)


async def test_idle_connections_keep_nobody_out(producer: Service) -> None:
    held = [await asyncio.open_connection("127.0.0.1", port_of(producer)) for _ in range(600)]
    try:
        assert (await ask(port_of(producer), head("GET /healthz HTTP/1.1"), 10)).status == 200
    finally:
        for _, writer in held:
            writer.close()
