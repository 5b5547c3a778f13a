"""Access to the ledger for commands. Errors become one line that names the setting to check."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cli.errors import CommandError, UsageError, sentence
from cli.settings import LedgerAddress
from ledger.errors import InvalidConnectionString, LedgerError, LedgerUnavailable
from ledger.mongo import MongoLedger
from ledger.ports import Ledger


@asynccontextmanager
async def open_ledger(settings: LedgerAddress) -> AsyncIterator[Ledger]:
    """Open the ledger and check that it answers. Its errors, also later ones, end the command with one line."""
    try:
        ledger = await MongoLedger.connect(settings.mongo_url.get_secret_value(), settings.mongo_database)
    except InvalidConnectionString as error:
        raise UsageError(f"ROLLCALL_MONGO_URL: {error}") from None
    try:
        await ledger.ping()
        yield ledger
    except LedgerUnavailable as error:
        raise CommandError(f"ROLLCALL_MONGO_URL: {sentence(error)} Start MongoDB, or correct the address.") from None
    except LedgerError as error:
        raise CommandError(f"ROLLCALL_MONGO_URL: {error}") from None
    finally:
        await ledger.aclose()
