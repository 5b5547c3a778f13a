"""`rollcall simulator` as a process, with the real providers of the kinds `http` and `smtp`."""

import asyncio
import random
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from core.send_result import Message, SendResult, Sent
from providers.provider import Provider
from providers.simulator import SimulatorEntry, SimulatorProvider
from schemas.statuses import Channel, Reason
from tests.support.drafts import send
from tests.support.polling import wait_until
from tests.support.simulator import Simulator, a_simulator

WAYS = {"http sms": Channel.SMS, "http email": Channel.EMAIL, "smtp email": Channel.EMAIL}
"""Kinds of providers, each with a channel."""

Outcome = tuple[str, Reason | None]
SENT: Outcome = ("Sent", None)
FAILED: Outcome = ("Failed", Reason.REJECTED)
UNAVAILABLE: Outcome = ("Retry", Reason.UNAVAILABLE)
UNCERTAIN: Outcome = ("Uncertain", Reason.NO_ANSWER)

RULES = {
    "fail": [FAILED, FAILED],
    "retry-once": [UNAVAILABLE, SENT],
    "throttle-once": [("Retry", Reason.RATE_LIMITED), SENT],
    "hang": [UNCERTAIN, UNCERTAIN],
    "drop": [UNCERTAIN, UNCERTAIN],
}
"""Results of the first two attempts at an address that a rule matches."""

ENDINGS = {
    (rule, channel): f"9{index}" if channel is Channel.SMS else f"@{rule}.example.com"
    for index, rule in enumerate(RULES)
    for channel in Channel
}
SUFFIX_OPTIONS = [word for (rule, _), ending in ENDINGS.items() for word in (f"--{rule}-suffixes", ending)]

every_way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Simulator]]:
    """Return a function that gives a simulator with these options: a new one, or the last one without its messages."""
    running: dict[tuple[str, ...], Simulator] = {}
    with ExitStack() as held:

        def simulator(*options: str) -> Simulator:
            if options in running:
                running[options].forget()
            else:
                folder = tmp_path_factory.mktemp("simulator")
                running[options] = held.enter_context(a_simulator(folder, *options))
            return running[options]

        yield simulator


def a_provider(simulator: Simulator, way: str, **entry: Any) -> Provider:
    return simulator.smtp_provider(**entry) if way == "smtp email" else simulator.http_provider(WAYS[way], **entry)


def a_message(way: str, number: int = 0, ending: str | None = None) -> Message:
    channel = WAYS[way]
    to = f"+8613800138{ending or '000'}" if channel is Channel.SMS else f"geheim{number}{ending or '@example.com'}"
    return Message(f"log_{number}", channel, to, "Your code is <b>4711", "Hällo", False, None, "tnt_1")


async def outcomes(provider: Provider, messages: Iterable[Message]) -> list[Outcome]:
    """Send one message after the other, and return the part of each result that all kinds share."""
    return [outcome(await send(provider, message)) for message in messages]


def outcome(result: SendResult) -> Outcome:
    return type(result).__name__, None if isinstance(result, Sent) else result.reason


@every_way
async def test_the_ending_of_an_address_decides_and_everything_is_counted(
    shared: Callable[..., Simulator], way: str
) -> None:
    found = {}
    simulator = shared(*SUFFIX_OPTIONS, "--retry-after-seconds", "2.5")
    patient, hasty = a_provider(simulator, way), a_provider(simulator, way, timeout_seconds=1)
    async with asyncio.timeout(20):  # less than the patient one waits for an answer
        for number, rule in enumerate(RULES):
            message = a_message(way, number, ENDINGS[rule, WAYS[way]])
            found[rule] = await outcomes(hasty if rule == "hang" else patient, [message, message])
    assert (
        await send(patient, a_message(way, 9))
        == {
            "http": Sent("sim-log_9", "HTTP 200"),
            "smtp": Sent("log_9@example.org", "SMTP 250 2.0.0"),
        }[way[:4]]
    )
    await patient.aclose()
    await hasty.aclose()
    counts = simulator.counts(WAYS[way])

    expected = {**RULES, "throttle-once": [UNAVAILABLE, SENT]} if way == "smtp email" else RULES
    assert found == expected
    assert counts == {"take": 3, "fail": 2, "retry": 1, "throttle": 1, "hang": 2, "drop": 2}


async def test_a_throttled_call_is_told_how_long_to_wait(tmp_path: Path) -> None:
    with a_simulator(tmp_path, "--throttle-rate", "1", "--retry-after-seconds", "2.5") as simulator:
        provider = simulator.http_provider()
        result = await send(provider, a_message("http sms"))
        await provider.aclose()

    assert result.delay_seconds == 3  # type: ignore[union-attr]


@every_way
async def test_the_same_seed_gives_the_results_of_the_kind_simulator_in_any_order(
    shared: Callable[..., Simulator], way: str
) -> None:
    rates = {"failure_rate": 0.2, "retry_rate": 0.2, "throttle_rate": 0.2, "drop_rate": 0.2, "seed": 7}
    messages = [a_message(way, number) for number in range(30)]
    inside = SimulatorProvider(
        SimulatorEntry.model_validate({"name": "sim", "kind": "simulator", "channel": WAYS[way], **rates})
    )
    expected = [await outcomes(inside, messages) for _ in range(2)]
    if way == "smtp email":
        expected = [
            [("Retry", Reason.UNAVAILABLE) if kind == "Retry" else (kind, reason) for kind, reason in attempt]
            for attempt in expected
        ]
    options = [word for name, value in rates.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    order = random.Random(1).sample(range(30), 30)

    simulator = shared(*options)
    provider = a_provider(simulator, way)
    for attempt in expected:
        shuffled = await outcomes(provider, [messages[number] for number in order])
        assert dict(zip(order, shuffled, strict=True)) == dict(enumerate(attempt))
    await provider.aclose()
    assert Counter(simulator.counts(WAYS[way])).total() == 60

    assert {kind for attempt in expected for kind, _ in attempt} == {"Sent", "Failed", "Retry", "Uncertain"}


@every_way
async def test_a_repeat_is_taken_once_if_it_deduplicates(shared: Callable[..., Simulator], way: str) -> None:
    simulator = shared(*SUFFIX_OPTIONS, "--deduplicates")
    provider = a_provider(simulator, way)
    message = a_message(way, ending=ENDINGS["drop", WAYS[way]])

    assert await outcomes(provider, [message, message]) == [UNCERTAIN, SENT]
    await provider.aclose()
    assert simulator.counts(WAYS[way]) == {"drop": 1, "repeat": 1}


@every_way
async def test_an_answer_takes_its_latency_and_a_sender_that_leaves_before_is_not_taken(
    shared: Callable[..., Simulator], way: str
) -> None:
    simulator = shared("--latency-ms", "1000", "--jitter-ms", "300")
    patient, hasty = a_provider(simulator, way), a_provider(simulator, way, timeout_seconds=0.7)
    began = time.monotonic()
    assert await outcomes(patient, [a_message(way)]) == [SENT]
    assert time.monotonic() - began >= 1
    assert await outcomes(hasty, [a_message(way)]) == [UNCERTAIN]
    await patient.aclose()
    await hasty.aclose()
    await wait_until(lambda: simulator.counts(WAYS[way]) == {"take": 1, "hang": 1}, seconds=10)


@every_way
async def test_it_shows_addresses_and_texts_only_if_asked_to(shared: Callable[..., Simulator], way: str) -> None:
    message = a_message(way)
    shown = {}
    for option in ([], ["--show-messages"]):
        simulator = shared(*option)
        provider = a_provider(simulator, way)
        await outcomes(provider, [message])
        await provider.aclose()
        shown[bool(option)] = (simulator.taken()["last"], simulator.get("/"), simulator.said())

    masked = "138****8000" if WAYS[way] is Channel.SMS else "g***@example.com"
    (first,), page, said = shown[False]
    assert first == {"time": first["time"], "id": "log_0", "channel": WAYS[way], "to": masked, "result": "take"}
    assert masked in page
    assert "4711" not in page
    assert len(said) == 1, "only the line with the addresses of the servers"
    (first,), page, said = shown[True]
    assert (first["to"], first["subject"], first["text"].strip()) == (message.to, message.subject, message.text)
    assert message.to in page
    assert "Your code is &lt;b&gt;4711" in page
    assert len(said) == 1


async def test_it_keeps_the_latest_messages_and_forgets_them_with_their_attempts(tmp_path: Path) -> None:
    messages = [a_message("http sms", number, ENDINGS["retry-once", Channel.SMS]) for number in range(3)]
    with a_simulator(tmp_path, *SUFFIX_OPTIONS, "--keep", "2") as simulator:
        provider = simulator.http_provider()
        assert await outcomes(provider, messages) == [UNAVAILABLE] * 3
        assert [one["id"] for one in simulator.taken()["last"]] == ["log_2", "log_1"]
        assert simulator.counts(Channel.SMS) == {"retry": 3}

        simulator.forget()

        assert simulator.taken()["last"] == []
        assert simulator.counts(Channel.SMS) == {}
        assert await outcomes(provider, messages[:1]) == [UNAVAILABLE]
        await provider.aclose()


async def test_it_takes_any_login_and_an_address_beyond_ascii(shared: Callable[..., Simulator]) -> None:
    simulator = shared("--show-messages")
    provider = simulator.smtp_provider(username="us", password="anything")
    assert await outcomes(provider, [a_message("smtp email", ending="ü@example.com")]) == [SENT]
    await provider.aclose()
    assert simulator.taken()["last"][0]["to"] == "geheim0ü@example.com"


def talk(port: int, *said: bytes) -> list[str]:
    """Write each text in one piece after the answer to the one before, and return the lines of all answers."""
    lines = []
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection, connection.makefile("rb") as answers:
        lines.append(answers.readline())
        for text in said:
            connection.sendall(text)
            commands = 1 if text.endswith(b"\r\n.\r\n") else text.count(b"\r\n")
            while commands:
                lines.append(answers.readline())
                commands -= lines[-1][3:4] == b" "
    return [line.decode().strip() for line in lines]


def test_a_client_may_send_its_commands_in_one_piece(shared: Callable[..., Simulator]) -> None:
    envelope = (
        b"MAIL FROM:<us@example.org> BODY=8BITMIME SIZE=99\r\n"
        b"RCPT TO:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"
    )
    mail = b"Message-ID: <log_1@example.org>\r\n\r\nHello\r\n..\r\n.\r\n"

    simulator = shared("--show-messages")
    lines = talk(simulator.smtp_port, b"EHLO test\r\n", envelope, mail, envelope, mail, b"QUIT\r\n")
    last = simulator.taken()["last"]

    offered = {line[4:].split()[0] for line in lines[2:] if line.startswith("250-")}
    assert offered >= {"PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE"}
    replies = [line[:3] for line in lines if line[3] == " "][2:]
    assert replies == [*["250", "250", "250", "354", "250"] * 2, "221"]
    assert [(one["to"], one["text"]) for one in last] == [("a@example.com", "Hello\r\n.\r\n")] * 2


def test_what_is_no_delivery_is_refused_and_not_counted(shared: Callable[..., Simulator]) -> None:
    envelope = b"MAIL FROM:<us@example.org>\r\nRCPT TO:<a@example.com>\r\nDATA\r\n"
    post = b"POST /send HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
    bodies = [b'{"id": "log_1", "channel": "fax", "to": ""}', b"{"]
    answers = []

    simulator = shared()
    lines = talk(simulator.smtp_port, b"EHLO test\r\n", envelope, b"Subject: Hello\r\n\r\nHello\r\n.\r\n")
    for body in bodies:
        host, port = simulator.http.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(post % (len(body), body))
            answers.append(connection.makefile().read())
    counts = simulator.counts(Channel.SMS)

    assert lines[-1] == "554 5.6.0 Message-ID is missing"
    assert [answer[9:12] for answer in answers] == ["400", "400"]
    assert [answer.split("\n\n")[1] for answer in answers] == [
        '{"error":"no delivery: channel, text, to"}',
        '{"error":"no delivery: JSON"}',
    ]
    assert counts == {}


async def test_it_ends_within_a_second_although_messages_hang(tmp_path: Path) -> None:
    with a_simulator(tmp_path, "--hang-rate", "1") as simulator:
        providers = [simulator.http_provider(), simulator.smtp_provider()]
        sends = [
            asyncio.create_task(send(provider, a_message(way)))
            for provider, way in zip(providers, ["http sms", "smtp email"], strict=True)
        ]
        await wait_until(lambda: len(simulator.taken()["last"]) == 2, seconds=10)
        began = time.monotonic()
        simulator.child.signal(signal.SIGTERM)
        code = await asyncio.to_thread(simulator.child.wait, 10)
        took = time.monotonic() - began
        results = [outcome(result) for result in await asyncio.gather(*sends)]
        for provider in providers:
            await provider.aclose()
        said = simulator.said()

    assert (code, results) == (0, [UNCERTAIN, UNCERTAIN])
    assert took < 1
    assert len(said) == 1
