"""Command ``python -m bench.single_document_main BOOTSTRAP PREFIX MONGO_URL DATABASE``: small requests by hand."""

import sys

import uvloop

from bench.ready import READY
from bench.single_document import SingleDocument, run


async def main(bootstrap: str, prefix: str, mongo_url: str, database: str) -> None:
    """Handle the small requests of a topic prefix until a signal ends the process."""
    await run(SingleDocument(bootstrap, prefix, mongo_url, database), READY)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
