"""List of the providers as the running consumers report them."""

from collections import Counter

import orjson

from cli import event_loop as loop
from cli.clients.ledger_client import open_ledger
from cli.console import open_console, plain_table, print_table, write_json
from cli.plain_output import printable
from cli.settings import LedgerAddress


def run(address: LedgerAddress, *, as_json: bool) -> None:
    """Print a row for each provider and state, with the number of consumers that report it."""
    loop.run(_run(address, as_json=as_json))


async def _run(address: LedgerAddress, *, as_json: bool) -> None:
    async with open_ledger(address) as ledger:
        reported = Counter(await ledger.provider_states.list())
    console = open_console()
    if as_json:
        rows = [
            {"channel": state.channel.value, "name": state.name, "problem": state.problem, "consumers": number}
            for state, number in sorted(reported.items(), key=str)
        ]
        write_json(console, {"providers": rows}, orjson.OPT_INDENT_2)
        return
    if not reported:
        console.print("no consumer has reported its providers within a minute")
        return
    table = plain_table("channel", "provider", "state", "consumers")
    for state, number in sorted(reported.items(), key=str):
        table.add_row(state.channel.value, printable(state.name), printable(state.problem or "ok"), str(number))
    print_table(console, table)
