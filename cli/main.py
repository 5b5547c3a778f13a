"""The entry point: the commands, and how their errors reach a person."""

import os
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli.commands.completion import COMPLETION_VARIABLE, completion
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
from cli.commands.template import template
from cli.commands.token import token
from cli.commands.watch import watch
from cli.errors import CommandError

_USAGE = "2 options or settings are missing or contradict each other"
_UNPREPARED = "3 topics or indexes are missing, run `rollcall setup`"
_WEDGED = "4 Kafka answers and takes nothing that it publishes, start it anew"
_EXITS = {
    "init": f"0 written; 1 it failed; {_USAGE}, or the file exists.",
    "setup": f"0 all is there; 1 it failed, or something is missing or differs; {_USAGE}.",
    "producer": f"0 stopped as asked; 1 it failed; {_USAGE}; {_UNPREPARED}; {_WEDGED}.",
    "consumer": f"0 stopped as asked; 1 it failed; {_USAGE}; {_UNPREPARED}; {_WEDGED}.",
    "send": "0 all accounted for and none failed; 1 it failed, some recipients did, or not all are accounted for; "
    f"{_USAGE}; 3 there is no such template; 130 interrupted.",
    "resend": "0 sent again, all accounted for and none failed, or there was nothing to send; 1 it failed, some "
    f"recipients did, or not all are accounted for; {_USAGE}; 3 there is no such request; 130 interrupted.",
    **dict.fromkeys(
        ("cancel", "pause", "resume"),
        f"0 done, also when it was before; 1 it failed, or it is too late; {_USAGE}; 3 there is no such request.",
    ),
    "report": f"0 all accounted for; 1 it failed, or not all are accounted for; {_USAGE}; 3 there is no such request.",
    "watch": "0 all accounted for and none failed; 1 it failed, some recipients did, or not all are accounted for; "
    f"{_USAGE}; 3 there is no such request; 130 interrupted.",
    "logs": f"0 shown, also when there is none; 1 it failed; {_USAGE}.",
    "token": f"0 printed; {_USAGE}.",
    "doctor": "0 nothing lacks; 1 something does.",
    "completion": f"0 printed; {_USAGE}.",
}
_ALL_EXITS = (
    f"0 done; 1 it failed, or not all are accounted for; {_USAGE}; "
    "3 there is no such request, template or dead letter, or topics or indexes are missing; "
    "4 a service cannot publish any more; 130 interrupted."
)


class Rollcall(TyperGroup):
    """The group of all commands. Expected errors end in one line and an exit code, never in a traceback."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Answer a shell that asks how to complete a line, or run a command."""
        if COMPLETION_VARIABLE in os.environ:
            from typer.completion import completion_init  # type: ignore[attr-defined]  # noqa: PLC0415

            completion_init()
        return super().main(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except CommandError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(error.exit_code) from None


app = typer.Typer(
    name="rollcall",
    cls=Rollcall,
    help="Sends SMS and e-mail in bulk, and can call the roll afterwards.",
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
    "completion": completion,
}
"""Each command by its name, which does not follow from the name of its function."""
for name, command in _COMMANDS.items():
    app.command(name, epilog=f"Exit codes: {_EXITS[name]}")(command)
app.add_typer(template)
app.add_typer(providers)
app.add_typer(dead_letters)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rollcall {version('rollcall')}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of the program itself."""


def main() -> None:
    """Run the command line."""
    app()
