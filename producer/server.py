"""Process of the HTTP service: event loop, signals and exit codes."""

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

from config.interpreter import share_time_between_threads
from config.logging_setup import configure_logging
from config.memory_allocator import limit_kept_memory
from ledger.errors import InvalidConnectionString
from producer.completion_waiter import CompletionWaiter
from producer.http.small_reads import SmallReads
from producer.kafka.publisher import Publisher, PublishingStalledError
from producer.ledger_gateway import LedgerGateway
from producer.settings import ProducerSettings

SHUTDOWN_SECONDS = 6
"""Maximum time in seconds for running requests to end after SIGTERM."""
EXIT_BAD_SETTINGS = 2
"""Exit code if `ROLLCALL_MONGO_URL` is not a valid connection string."""
EXIT_NOT_SET_UP = 3
"""Exit code if Kafka or MongoDB answers, but topics or indexes are missing."""
EXIT_PUBLISHING_STALLED = 4
"""Exit code if the process cannot publish any more although Kafka answers. A new process can."""

_log = structlog.get_logger()


class Server(uvicorn.Server):
    """uvicorn's server. On shutdown it releases the callers that wait for a completion."""

    def __init__(self, config: uvicorn.Config, waiter: CompletionWaiter) -> None:
        super().__init__(config)
        self._waiter = waiter

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Release the waiting callers, then shut down."""
        self._waiter.release_all()
        await super().shutdown(sockets)


def serve(
    app: FastAPI, publisher: Publisher, gateway: LedgerGateway, waiter: CompletionWaiter, settings: ProducerSettings
) -> int:
    """Serve until SIGTERM or SIGINT. Return the exit code: 0, 1 if the server did not start, or one of those above."""
    configure_logging()
    limit_kept_memory()
    share_time_between_threads()
    # Imported objects never become garbage. Later objects are collected in small batches of a third of a millisecond
    # each. With Python's defaults the batches are smaller, but full collections are far more frequent.
    gc.freeze()
    gc.set_threshold(5_000, 20, 50)
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn shuts down in order and then raises the signal again. Without this handler it would kill the process.
        signal.signal(number, lambda *_: None)
    return uvloop.run(_serve(app, publisher, gateway, waiter, settings))


async def _serve(
    app: FastAPI, publisher: Publisher, gateway: LedgerGateway, waiter: CompletionWaiter, settings: ProducerSettings
) -> int:
    server = Server(
        uvicorn.Config(
            app,
            host=settings.http_host,
            port=settings.http_port,
            http=SmallReads,  # type: ignore[arg-type]  # uvicorn calls it, and needs no more than this
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        ),
        waiter,
    )
    failure_watch = asyncio.create_task(_wait_for_failure(publisher, gateway, server))
    await server.serve()
    if not server.started:
        return 1
    if failure_watch.done():
        return failure_watch.result()
    failure_watch.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await failure_watch
    return 0


async def _wait_for_failure(publisher: Publisher, gateway: LedgerGateway, server: uvicorn.Server) -> int:
    """Wait for a failure that ends the service, stop the server and return the exit code."""
    tasks = [asyncio.create_task(publisher.wait_failed()), asyncio.create_task(gateway.wait_failed())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        failure = done.pop().result()
    finally:
        for task in tasks:
            task.cancel()
    server.should_exit = True
    message = f"ROLLCALL_MONGO_URL: {failure}" if isinstance(failure, InvalidConnectionString) else str(failure)
    _log.error("service failed", reason=message)
    sys.stderr.write(f"rollcall producer: {message}\n")
    match failure:
        case InvalidConnectionString():
            return EXIT_BAD_SETTINGS
        case PublishingStalledError():
            return EXIT_PUBLISHING_STALLED
    return EXIT_NOT_SET_UP
