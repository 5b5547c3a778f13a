"""The process around the app: event loop, signals, and an end that says why."""

import asyncio
import contextlib
import gc
import signal
import sys

import structlog
import uvicorn
import uvloop
from fastapi import FastAPI

from producer.protocol import ContractProtocol
from producer.publisher import Publisher
from producer.settings import ProducerSettings
from schemas.logs import configure_logging

GRACE_SECONDS = 10
"""How long requests under way may take to end after SIGTERM."""
SWITCH_SECONDS = 0.0005
"""How soon the thread that works on a large body lets the event loop on when asked; Python's own 5 ms would be paid at
every turn of the loop."""
TOPICS_MISSING = 3
"""The exit code when Kafka answers and topics are missing."""

_log = structlog.get_logger()


def serve(app: FastAPI, publisher: Publisher, settings: ProducerSettings) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code: 0, or 3 when topics are missing."""
    configure_logging()
    # A body of 100,000 recipients makes a million objects without cycles: looking for cycles among them that often
    # stops every request for tens of milliseconds.
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    sys.setswitchinterval(SWITCH_SECONDS)
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn shuts down in order and then raises the signal again; without this it would end the process by it.
        signal.signal(number, lambda *_: None)
    return uvloop.run(_serve(app, publisher, settings))


async def _serve(app: FastAPI, publisher: Publisher, settings: ProducerSettings) -> int:
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.http_host,
            port=settings.http_port,
            http=ContractProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
    watcher = asyncio.create_task(_watch(publisher, server))
    await server.serve()
    if not server.started:
        return 1
    if watcher.done():
        return watcher.result()
    watcher.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watcher
    return 0


async def _watch(publisher: Publisher, server: uvicorn.Server) -> int:
    """End the server when it must not run."""
    failure = await publisher.wait_failed()
    server.should_exit = True
    _log.error(str(failure))
    sys.stderr.write(f"rollcall producer: {failure}\n")
    return TOPICS_MISSING
