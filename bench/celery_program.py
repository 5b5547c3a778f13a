"""Celery and Redis as a program of a scenario."""

import asyncio
import contextlib
import importlib.util
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson
from aiokafka import AIOKafkaProducer

from bench.programs import Program, Work
from bench.scenario import MissingPeerError, Place
from devstack.processes import answers, free_port, wait_until_ready
from devstack.services import start_service

_READY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class CeleryProgram(Program):
    """Celery worker whose broker is a Redis."""

    broker: str = ""
    """URL of the Redis."""

    def more_arguments(self) -> Sequence[str]:
        """Return the address of the broker."""
        return (self.broker,)

    async def hand_over(self, producer: AIOKafkaProducer, prefix: str, work: Work) -> float:  # noqa: ARG002
        """Add a task for each recipient of the records to the broker's queue. Return the time at which that began."""
        began = time.time()
        await asyncio.to_thread(self._add, work)
        return began

    def _add(self, work: Work) -> None:
        from bench.plain_celery import TASK, build_app  # noqa: PLC0415  # only if Celery is installed

        app = build_app(self.broker)
        for _, value in work.records:
            request = orjson.loads(value)
            people = request.pop("recipients")
            for index, person in enumerate(people):
                app.send_task(TASK, args=(request, index, person["to"], person["variables"]))


@contextlib.contextmanager
def started_celery(place: Place) -> Iterator[CeleryProgram]:
    """Start a Redis that keeps its data with its usual settings. Raise MissingPeerError if it or Celery is missing."""
    if importlib.util.find_spec("celery") is None or importlib.util.find_spec("redis") is None:
        raise MissingPeerError("Celery was left out. Fix: pip install 'celery[redis]'")
    if shutil.which("redis-server") is None:
        raise MissingPeerError("Celery was left out, because Redis is missing. Fix: apt-get install redis-server")
    port, data = free_port(), place.folder / "redis"
    data.mkdir()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--appendonly", "yes", "--dir", str(data)]
    with start_service(command, os.environ, log=place.folder / "redis.log") as child:
        wait_until_ready(child, lambda: answers(port), what="Redis", deadline_seconds=_READY_SECONDS)
        yield CeleryProgram("Celery", "bench.plain_celery", f"redis://127.0.0.1:{port}/0")
