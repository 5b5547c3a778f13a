"""Entry point: the group of all commands, and the output of their errors."""

import os
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from cli.commands.audit import audit
from cli.commands.bounces import bounces
from cli.commands.completion import COMPLETION_VARIABLE, completion
from cli.commands.consents import consents
from cli.commands.consumer import consumer
from cli.commands.control import cancel, pause, resume
from cli.commands.dead_letters import dead_letters
from cli.commands.doctor import doctor
from cli.commands.init import init
from cli.commands.logs import logs
from cli.commands.producer import producer
from cli.commands.providers import providers
from cli.commands.report import report
from cli.commands.resend import resend
from cli.commands.send import send
from cli.commands.setup import setup
from cli.commands.simulator import simulator
from cli.commands.suppressions import suppressions
from cli.commands.template import template
from cli.commands.tenant import tenant
from cli.commands.token import token
from cli.commands.watch import watch
from cli.errors import EXIT_FAILED, CommandError
from cli.plain_output import print_error

_USAGE = "2 options or settings are missing or contradict each other"
_NOT_SET_UP = "3 topics or indexes are missing: run `rollcall setup`"
_CANNOT_PUBLISH = "4 Kafka answers, but publishing does not work: restart the service"
_NO_REQUEST = "3 request not found"
_NOT_ALL = "1 error, some recipients failed, or not all are accounted for"
_EXITS = {
    "init": f"0 written. 1 error. {_USAGE}, or the file exists.",
    "setup": f"0 all topics and indexes exist. 1 error, or something is missing or differs. {_USAGE}.",
    "producer": f"0 stopped on request. 1 error. {_USAGE}. {_NOT_SET_UP}. {_CANNOT_PUBLISH}.",
    "consumer": f"0 stopped on request. 1 error. {_USAGE}. {_NOT_SET_UP}. {_CANNOT_PUBLISH}.",
    "send": f"0 all accounted for and none failed. {_NOT_ALL}. {_USAGE}. 3 template not found. 130 interrupted.",
    "resend": f"0 all accounted for and none failed, or nothing to resend. {_NOT_ALL}. "
    f"{_USAGE}. {_NO_REQUEST}. 130 interrupted.",
    **dict.fromkeys(
        ("cancel", "pause", "resume"), f"0 done, now or earlier. 1 error, or too late. {_USAGE}. {_NO_REQUEST}."
    ),
    "report": f"0 all accounted for. 1 error, or not all are accounted for. {_USAGE}. {_NO_REQUEST}.",
    "watch": f"0 all accounted for and none failed. {_NOT_ALL}. {_USAGE}. {_NO_REQUEST}. 130 interrupted.",
    "logs": f"0 shown, or none found. 1 error. {_USAGE}.",
    "token": f"0 printed. {_USAGE}.",
    "doctor": "0 no problems found. 1 problems found.",
    "simulator": f"0 stopped on request. 1 error, such as a port in use. {_USAGE}.",
    "bounces": f"0 all mails read, or stopped on request. 1 error. {_USAGE}.",
    "completion": f"0 printed. {_USAGE}.",
}
_ALL_EXITS = (
    f"0 done. 1 error, or not all are accounted for. {_USAGE}. "
    "3 request, template or dead letter not found, or topics or indexes are missing. "
    "4 a service cannot publish any more. 130 interrupted."
)


class Rollcall(TyperGroup):
    """Group of all commands. Expected errors end in one line and an exit code, never in a traceback."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Answer a shell that asks for completions, or run a command."""
        if COMPLETION_VARIABLE in os.environ:
            from typer.completion import completion_init  # type: ignore[attr-defined]  # noqa: PLC0415

            completion_init()
        return super().main(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """Run a command. Print its expected errors and end with their exit code."""
        try:
            return super().invoke(ctx)
        except CommandError as error:
            print_error(str(error))
            raise typer.Exit(error.exit_code) from None


app = typer.Typer(
    name="rollcall",
    cls=Rollcall,
    help="Send SMS and e-mail in bulk, and report afterwards on every recipient (the roll call).",
    epilog=f"Exit codes: {_ALL_EXITS}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_COMMANDS: dict[str, Callable[..., None]] = {
    "init": init,
    "setup": setup,
    "producer": producer,
    "consumer": consumer,
    "send": send,
    "watch": watch,
    "report": report,
    "cancel": cancel,
    "pause": pause,
    "resume": resume,
    "resend": resend,
    "logs": logs,
    "token": token,
    "doctor": doctor,
    "simulator": simulator,
    "bounces": bounces,
    "completion": completion,
}
"""Commands by name. Typer cannot derive every name from the name of the function."""
for name, command in _COMMANDS.items():
    app.command(name, epilog=f"Exit codes: {_EXITS[name]}")(command)
app.add_typer(template)
app.add_typer(tenant)
app.add_typer(suppressions)
app.add_typer(consents)
app.add_typer(audit)
app.add_typer(providers)
app.add_typer(dead_letters)


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"rollcall {version('rollcall')}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of the program itself."""


def main() -> NoReturn:
    """Run the command line, and end without a wait for threads.

    A usual exit waits for threads that nothing stops. The threads of MongoDB's client take up to half a second to see
    that it is closed, and one that waits for a frozen server takes longer.
    """
    code: object = 0
    try:
        app()
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001  # it is printed as Python would print it
        traceback.print_exc()
        code = 1
    if problem := _flush():
        sys.stderr.write(f"standard output: {problem}. The output is not complete.\n")
        code = code or EXIT_FAILED
    os._exit(code if isinstance(code, int) else int(code is not None))


def _flush() -> str | None:
    """Flush the output. Return what is wrong, unless its reader has seen enough."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        return None
    except OSError as error:
        return error.strerror
    return None
