"""The process around the app: event loop, signals, and an end that says why."""

import asyncio
import contextlib
import gc
import signal
import socket
import sys

import structlog
import uvicorn
import uvloop
from fastapi import FastAPI

from config.logging_setup import configure_logging
from ledger.errors import InvalidConnectionString
from producer.completion_waiter import CompletionWaiter
from producer.http.protocol import BoundedHttpProtocol
from producer.kafka.publisher import Publisher, PublishingStalledError
from producer.ledger_gateway import LedgerGateway
from producer.settings import ProducerSettings

GRACE_SECONDS = 6
"""How long requests under way may take to end after SIGTERM."""
EXIT_BAD_SETTINGS = 2
"""The exit code when MongoDB's address is none."""
EXIT_NOT_SET_UP = 3
"""The exit code when Kafka or MongoDB answers and topics or indexes are missing."""
EXIT_PUBLISHING_STALLED = 4
"""The exit code when nothing can be published any more, though Kafka answers: start it anew."""

_log = structlog.get_logger()


class Server(uvicorn.Server):
    """uvicorn, which lets go at once of those who wait for a completion when it ends."""

    def __init__(self, config: uvicorn.Config, waiting: CompletionWaiter) -> None:
        super().__init__(config)
        self._waiting = waiting

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the waits, then the rest."""
        self._waiting.release_all()
        await super().shutdown(sockets)


def serve(
    app: FastAPI, publisher: Publisher, archive: LedgerGateway, waiting: CompletionWaiter, settings: ProducerSettings
) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code: 0, or one of those named above."""
    configure_logging()
    # What was imported never becomes garbage. What comes later is looked through in small lots, a third of a
    # millisecond each: Python's own lots are smaller still, and its looks at everything far more frequent.
    gc.freeze()
    gc.set_threshold(5_000, 20, 50)
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn shuts down in order and then raises the signal again; without this it would end the process by it.
        signal.signal(number, lambda *_: None)
    return uvloop.run(_serve(app, publisher, archive, waiting, settings))


async def _serve(
    app: FastAPI, publisher: Publisher, archive: LedgerGateway, waiting: CompletionWaiter, settings: ProducerSettings
) -> int:
    server = Server(
        uvicorn.Config(
            app,
            host=settings.http_host,
            port=settings.http_port,
            http=BoundedHttpProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        ),
        waiting,
    )
    watcher = asyncio.create_task(_watch(publisher, archive, server))
    await server.serve()
    if not server.started:
        return 1
    if watcher.done():
        return watcher.result()
    watcher.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watcher
    return 0


async def _watch(publisher: Publisher, archive: LedgerGateway, server: uvicorn.Server) -> int:
    """End the server when it must not run."""
    waiting = [asyncio.create_task(publisher.wait_failed()), asyncio.create_task(archive.wait_failed())]
    try:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        failure = done.pop().result()
    finally:
        for task in waiting:
            task.cancel()
    server.should_exit = True
    said = f"ROLLCALL_MONGO_URL: {failure}" if isinstance(failure, InvalidConnectionString) else str(failure)
    _log.error(said)
    sys.stderr.write(f"rollcall producer: {said}\n")
    match failure:
        case InvalidConnectionString():
            return EXIT_BAD_SETTINGS
        case PublishingStalledError():
            return EXIT_PUBLISHING_STALLED
    return EXIT_NOT_SET_UP
