"""The ledger as the command line opens it, and one line when it is away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cli.errors import CommandError, UsageError
from cli.settings import LedgerAddress
from ledger.errors import InvalidConnectionString, LedgerError, LedgerUnavailable
from ledger.mongo import MongoLedger
from ledger.ports import Ledger


@asynccontextmanager
async def open_ledger(settings: LedgerAddress) -> AsyncIterator[Ledger]:
    """The ledger, after it has answered once; its errors, whenever they come, end the command with one line."""
    try:
        ledger = await MongoLedger.connect(settings.mongo_url.get_secret_value(), settings.mongo_database)
    except InvalidConnectionString as error:
        raise UsageError(f"ROLLCALL_MONGO_URL: {error}") from None
    try:
        await ledger.ping()
        yield ledger
    except LedgerUnavailable as error:
        raise CommandError(f"ROLLCALL_MONGO_URL: {error}; start MongoDB or correct the address") from None
    except LedgerError as error:
        raise CommandError(f"ROLLCALL_MONGO_URL: {error}") from None
    finally:
        await ledger.aclose()
