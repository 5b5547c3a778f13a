"""The entry point: the commands, and how their errors reach a person."""

from typing import Any

import typer
from typer.core import TyperGroup

from cli.commands.consumer import consumer
from cli.commands.producer import producer
from cli.commands.providers import providers
from cli.commands.report import report
from cli.commands.send import send
from cli.commands.setup import setup
from cli.commands.token import token
from cli.errors import CommandError

_EPILOG = """Exit codes:

0  done, and all accounted for

1  it failed, or not all are accounted for

2  options or settings are missing or contradict each other

3  there is no such request

130  interrupted"""


class Rollcall(TyperGroup):
    """The group of all commands. Expected errors end in one line and an exit code, never in a traceback."""

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
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (setup, producer, consumer, send, report, token):
    app.command(command.__name__, epilog=_EPILOG)(command)
app.add_typer(providers)


def main() -> None:
    """Run the command line."""
    app()
