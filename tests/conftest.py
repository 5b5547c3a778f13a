"""The real Kafka and MongoDB of the whole run: each is started once, by the first test that asks for it."""

import dataclasses
import gc
import signal
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from devstack import Stack, start_stack
from tests.support.skipping import not_run

_NOTES = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "durable: needs a Kafka that keeps what it acknowledged")
    config.stash[_NOTES] = []
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell that runs this in the background ignores it, and so would every command that a test interrupts.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Let garbage collections pass over the modules and the collected tests, which stay until the end."""
    gc.freeze()


@pytest.fixture(scope="session")
def mongo_url(pytestconfig: pytest.Config) -> Iterator[str]:
    with start_stack(kafka=False) as stack:
        pytestconfig.stash[_NOTES].append(stack.note)
        yield stack.mongo_url


@pytest.fixture(scope="session")
def kafka_stack(pytestconfig: pytest.Config) -> Iterator[Stack]:
    with start_stack(mongo=False) as stack:
        pytestconfig.stash[_NOTES].append(stack.note)
        yield stack


@pytest.fixture(scope="session")
def stack(kafka_stack: Stack, mongo_url: str) -> Stack:
    return dataclasses.replace(kafka_stack, mongo_url=mongo_url)


@pytest.fixture(autouse=True)
def _durable_kafka(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("durable") is None or request.getfixturevalue("kafka_stack").durable:
        return
    not_run("needs a durable Kafka")


@pytest.fixture(autouse=True)
def _no_remains(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let go of connections that a client of Kafka left open here, and not in a later test, which would fail for it.

    aiokafka closes those that it knows (0.14, `AIOKafkaClient.close`); one that is just being opened stays, and one of
    a producer that is wedged cannot be closed.
    """
    yield
    if "kafka_stack" in request.fixturenames:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist has no terminal: the one that started it says what it noted."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["notes"] = session.config.stash[_NOTES]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over the notes of a worker that has ended."""
    node.config.stash[_NOTES].extend(getattr(node, "workeroutput", {}).get("notes", []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The stack is named at the end, where one looks."""
    for note in config.stash[_NOTES]:
        terminalreporter.write_line(f"stack: {note}")
