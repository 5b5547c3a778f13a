"""Start and stop of the simulator."""

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import NamedTuple, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from cli import event_loop
from cli.errors import CommandError, UsageError
from cli.plain_output import json_text
from cli.simulator.http_server import http_server
from cli.simulator.receipts.behaviour import ReceiptBehaviour
from cli.simulator.receipts.build import build_receipts
from cli.simulator.received import ReceivedMessages
from cli.simulator.receiver import Receiver
from cli.simulator.smtp_server import smtp_server
from providers.simulated_results import SimulatedBehaviour
from schemas.validation_errors import Problem, read_problems

_Model = TypeVar("_Model", bound=BaseModel)


class SimulatorAddress(NamedTuple):
    """Address of the two servers. Port 0 is any free port."""

    host: str
    http_port: int
    smtp_port: int


class SimulatorOptions(NamedTuple):
    """Behaviour of the servers, and of the receipts."""

    messages: SimulatedBehaviour
    receipts: ReceiptBehaviour


def read_options(options: Mapping[str, object]) -> SimulatorOptions:
    """Return what the options ask for. Raises UsageError with one line per option that cannot be used."""
    return SimulatorOptions(_read(SimulatedBehaviour, options), _read(ReceiptBehaviour, options))


def run(address: SimulatorAddress, options: SimulatorOptions, received: ReceivedMessages) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises CommandError if a port cannot be used, and UsageError for wrong keys."""
    receipts = build_receipts(options.receipts, options.messages.seed)
    event_loop.run(_serve(address, Receiver(options.messages, received, receipts)))


def _read(model: type[_Model], options: Mapping[str, object]) -> _Model:
    """Return the behaviour with its options. One that is not given has its default."""
    given = {name: options[name] for name in model.model_fields if options.get(name) is not None}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise UsageError("\n".join(map(_line, read_problems(error)))) from None


async def _serve(address: SimulatorAddress, receiver: Receiver) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        if receiver.receipts is not None:
            await stack.enter_async_context(receiver.receipts.running())
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
