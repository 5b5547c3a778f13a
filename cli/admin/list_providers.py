"""List of the providers as the running consumers report them."""

from collections import Counter

import orjson
from rich.console import Console

from cli import event_loop as loop
from cli.clients.ledger_client import open_ledger
from cli.console import open_console, plain_table, print_table, write_json
from cli.plain_output import printable
from cli.settings import LedgerAddress
from ledger.ports import Ledger


def run(address: LedgerAddress, *, as_json: bool) -> None:
    """Print the providers that the consumers report."""

    async def show() -> None:
        async with open_ledger(address) as ledger:
            await list_reported(ledger, open_console(), as_json=as_json)

    loop.run(show())


async def list_reported(ledger: Ledger, console: Console, *, as_json: bool) -> None:
    """Print a row for each provider and state, with the number of consumers that report it."""
    reported = Counter(await ledger.provider_states.list())
    ordered = sorted(reported.items(), key=str)
    if as_json:
        rows = [{**state._asdict(), "channel": state.channel.value, "consumers": number} for state, number in ordered]
        write_json(console, {"providers": rows}, orjson.OPT_INDENT_2)
        return
    if not reported:
        console.print("no consumer has reported its providers within a minute")
        return
    table = plain_table("channel", "provider", "tenants", "state", "consumers")
    for state, number in ordered:
        tenants = "all" if state.tenants is None else ", ".join(map(printable, state.tenants))
        problem = printable(state.problem or "ok")
        table.add_row(state.channel.value, printable(state.name), tenants, problem, str(number))
    print_table(console, table)
