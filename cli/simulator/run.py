"""Start and stop of the simulator."""

import asyncio
import errno
import os
import signal
import socket
from contextlib import AsyncExitStack
from typing import NamedTuple

import typer
from pydantic import ValidationError

from cli import event_loop
from cli.errors import CommandError, UsageError
from cli.plain_output import json_text
from cli.simulator.http_server import http_server
from cli.simulator.received import ReceivedMessages
from cli.simulator.receiver import Receiver
from cli.simulator.smtp_server import smtp_server
from providers.simulated_results import SimulatedBehaviour
from schemas.validation_errors import Problem, read_problems


class SimulatorAddress(NamedTuple):
    """Address of the two servers. Port 0 is any free port."""

    host: str
    http_port: int
    smtp_port: int


def read_behaviour(**options: object) -> SimulatedBehaviour:
    """Return what the options ask for. Raises UsageError with one line per option that cannot be used."""
    try:
        return SimulatedBehaviour.model_validate(options)
    except ValidationError as error:
        raise UsageError("\n".join(map(_line, read_problems(error)))) from None


def run(address: SimulatorAddress, behaviour: SimulatedBehaviour, received: ReceivedMessages) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises CommandError if a port cannot be used."""
    event_loop.run(_serve(address, Receiver(behaviour, received)))


async def _serve(address: SimulatorAddress, receiver: Receiver) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        ports = []
        for option, port, serve in (
            ("--http-port", address.http_port, http_server),
            ("--smtp-port", address.smtp_port, smtp_server),
        ):
            try:
                ports.append(await stack.enter_async_context(serve(receiver, address.host, port)))
            except OSError as error:
                raise _cannot_listen(option, port, error) from None
        host = f"[{address.host}]" if ":" in address.host else address.host
        ready = {"event": "simulator ready", "http": f"http://{host}:{ports[0]}", "smtp": f"smtp://{host}:{ports[1]}"}
        typer.echo(json_text(ready))
        await stopped.wait()


def _line(problem: Problem) -> str:
    option = f"--{problem.location[0]}: ".replace("_", "-") if problem.location else ""
    return f"{option}{problem.phrase}."


def _cannot_listen(option: str, port: int, error: OSError) -> CommandError:
    if error.errno == errno.EADDRINUSE:
        return CommandError(f"{option}: port {port} is in use. Choose another one, or 0 for any free port.")
    if isinstance(error, socket.gaierror) or error.errno in {errno.EADDRNOTAVAIL, None}:
        return CommandError("--host: is not an address of this machine.")
    return CommandError(f"{option}: cannot listen on port {port} ({os.strerror(error.errno)}).")
