"""Starter of rollcall's services as processes on a stack, for the demo, `make up` and the end-to-end tests."""

import asyncio
import base64
import contextlib
import http.client
import json
import os
import secrets
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from confluent_kafka.admin import AdminClient

from devstack.errors import StackError
from devstack.processes import Child, free_port, wait_until_ready
from devstack.routes import IN_PROCESS, KAFKA_VARIABLE, MONGO_VARIABLE
from devstack.stack import Stack
from ledger.mongo import MongoLedger
from schemas.topic_definitions import Topics

_PREFIX = "ROLLCALL_"
_READY_SECONDS = 60

SIMULATORS: tuple[Mapping[str, object], ...] = (
    {"name": "sim-sms", "kind": "simulator", "channel": "sms"},
    {"name": "sim-email", "kind": "simulator", "channel": "email"},
)


def service_env(stack: Stack, **overrides: object) -> dict[str, str]:
    """Return the whole environment of a service on this stack, with free ports and new secrets.

    Overrides are settings without their prefix: ``service_env(stack, CHUNK_SIZE=100)``. None removes a setting, and a
    list or a dict becomes JSON. No ROLLCALL_* variable is inherited, so that no run depends on the shell's exports.
    """
    # Servers from the environment may contain real topics and data, so the usual names are not used there.
    own = f"dev{secrets.token_hex(4)}"
    settings: dict[str, object] = {
        "KAFKA_BOOTSTRAP": stack.kafka_bootstrap,
        "TOPIC_PREFIX": own if os.environ.get(KAFKA_VARIABLE) else "communication",
        "MONGO_URL": stack.mongo_url,
        "MONGO_DATABASE": own if os.environ.get(MONGO_VARIABLE) else "rollcall",
        "JWT_SECRET": secrets.token_urlsafe(32),
        "SEALING_KEYS": "dev:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "DEFAULT_REGION": "CN",
        "PROVIDERS": list(SIMULATORS),
        "HTTP_HOST": "127.0.0.1",
        "HTTP_PORT": free_port(),
        "CONSUMER_HTTP_PORT": free_port(),
    }
    settings |= {name.upper(): value for name, value in overrides.items()}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_PREFIX)}
    return inherited | {_PREFIX + name: _text(value) for name, value in settings.items() if value is not None}


@contextlib.contextmanager
def start_service(
    args: Sequence[str | Path],
    env: Mapping[str, str],
    ready_url: str | None = None,
    *,
    log: Path | None = None,
) -> Iterator[Child]:
    """Run a command, wait until GET `ready_url` answers 200, and end it (SIGTERM, then SIGKILL) when the block ends.

    ``rollcall`` as the first of `args` is the one of this Python's environment. Standard output and error go to `log`,
    or else to a temporary file that is deleted at the end. `Child.log` names it. The command dies with this process.
    Raise StackError with its last output if it ends or is not ready in time.
    """
    with contextlib.ExitStack() as held:
        if log is None:
            log = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="rollcall-service-"))) / "output.log"
        child = Child(command(args), log=log, env=env)
        held.callback(child.stop)
        if ready_url is not None:
            await_ready(child, ready_url)
        yield child


@contextlib.contextmanager
def start_both(stack: Stack, env: Mapping[str, str], folder: Path) -> Iterator[tuple[Child, Child]]:
    """Set up topics and indexes, start producer and consumer, and wait for both. Their logs go to `folder`."""
    set_up(stack, env, log=folder / "setup.log")
    with (
        start_service(["rollcall", "consumer"], env, log=folder / "consumer.log") as consumer,
        start_service(["rollcall", "producer"], env, log=folder / "producer.log") as producer,
    ):
        await_ready(consumer, ready_url(env, "consumer"))
        await_ready(producer, ready_url(env, "producer"))
        yield producer, consumer


def set_up(stack: Stack, env: Mapping[str, str], *, log: Path) -> None:
    """Create topics and indexes with ``rollcall setup``, or without it if the broker does not support it."""
    if stack.kind != IN_PROCESS:
        run(["rollcall", "setup"], env, log=log)
        return
    # librdkafka's broker has no command to create a topic. Each topic exists after its first use.
    admin = AdminClient({"bootstrap.servers": stack.kafka_bootstrap, "log_level": 0})
    for topic in Topics(env[_PREFIX + "TOPIC_PREFIX"]).specs():
        admin.list_topics(topic.name, timeout=_READY_SECONDS)
    asyncio.run(_set_up_ledger(stack.mongo_url, env[_PREFIX + "MONGO_DATABASE"]))


async def _set_up_ledger(url: str, database: str) -> None:
    ledger = await MongoLedger.connect(url, database)
    try:
        await ledger.setup()
    finally:
        await ledger.aclose()


def run(args: Sequence[str | Path], env: Mapping[str, str], *, log: Path) -> None:
    """Run a command until it ends. Raise StackError with its last output if it fails."""
    with start_service(args, env, log=log) as child:
        if code := child.wait(None):
            raise StackError(
                f"{' '.join(str(word) for word in args)} ended with exit code {code}: {child.last_words()}"
            )


def await_ready(child: Child, url: str) -> None:
    """Wait until GET `url` answers 200. Raise StackError with the child's last output if it ended or takes too long."""
    wait_until_ready(child, lambda: is_ready(url), what=child.name, deadline_seconds=_READY_SECONDS)


def is_ready(url: str) -> bool:
    """Return whether GET answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - a child of this process, over HTTP
            return bool(response.status == http.HTTPStatus.OK)
    except (OSError, urllib.error.URLError, http.client.HTTPException):
        return False


def ready_url(env: Mapping[str, str], service: str) -> str:
    """Return the readiness URL of the ``producer`` or the ``consumer`` of this environment."""
    name = {"producer": "HTTP_PORT", "consumer": "CONSUMER_HTTP_PORT"}[service]
    return f"http://127.0.0.1:{env[_PREFIX + name]}/readyz"


def command(args: Sequence[str | Path]) -> list[str | Path]:
    """Return the command to start. ``rollcall`` is the one of this Python's environment."""
    if args[0] == "rollcall":
        return [Path(sys.executable).with_name("rollcall"), *args[1:]]
    return list(args)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
