"""Command ``python -m bench.ceiling_main BOOTSTRAP PREFIX MONGO_URL DATABASE ID:RECIPIENTS…``: the ceiling process."""

import sys

import uvloop

from bench.ceiling import Ceiling, run
from bench.commands import Commands
from bench.documents import prepare
from bench.ready import READY
from bench.workload import Order


async def main(bootstrap: str, prefix: str, mongo_url: str, database: str, *orders: str) -> None:
    """Render all requests, then wait for their records."""
    requests = [prepare(Order(name, int(number))) for name, _, number in (order.partition(":") for order in orders)]
    await run(Ceiling(bootstrap, prefix, Commands(mongo_url, database), requests), READY)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
