"""`rollcall consents import`: a file of any size becomes recorded consents. It is read once, some lines at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from cli.console import open_console
from cli.plain_output import print_error
from cli.recipients_file.layout import FileOptions
from cli.recipients_file.open_file import Source, open_source
from cli.settings import SuppressionSettings
from cli.suppressions.import_file import LINES_AT_ONCE
from cli.suppressions.import_reader import ImportReader
from cli.suppressions.one_address import parse
from cli.suppressions.rows import body_rows
from cli.suppressions.with_ledger import with_ledger
from ledger.consent_key import ConsentKey
from ledger.consenting import ConsentingAddress, consenting_address, record_consents
from ledger.ports import Ledger
from ledger.sealing import Sealer
from ledger.suppressing import known_tenant_key
from schemas.consents import ConsentAddition

_COLUMNS = ("channel", "category", "way", "text_version", "given_at")
_EXAMPLE = {"channel": "email", "category": "marketing", "way": "import", "text_version": "1"}


@dataclass(frozen=True, slots=True)
class ConsentImporter:
    """Import of one file into the consents of a tenant."""

    ledger: Ledger
    sealer: Sealer
    tenant: str
    default_region: str | None
    defaults: Mapping[str, str]
    report: Callable[[str], None]
    """Takes the line about a line of the file that is not taken."""
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep

    async def run(self, source: Source) -> tuple[int, int]:
        """Record a consent for each good line. Return the number of these, and that of the others.

        What was recorded before an error stays, and a repeat changes nothing.
        """
        now, recorded = self.ledger.now(), 0

        def prepare(row: ConsentAddition) -> ConsentingAddress:
            return consenting_address(row, self.default_region, now)

        reader = ImportReader(body_rows(ConsentAddition, _COLUMNS, self.defaults), prepare, self.report)
        read = reader.read(source)
        while lines := [item for _, item in islice(read, LINES_AT_ONCE)]:
            key = ConsentKey(await known_tenant_key(self.ledger, self.tenant, self.sealer, self.sleep))
            await record_consents(self.ledger, key, lines)
            recorded += len(lines)
        return recorded, reader.failed


def run(tenant: str, file: Path, options: FileOptions, defaults: Mapping[str, str]) -> bool:
    """Import a file, and print the numbers of its lines. Return whether every line was taken. Raises UsageError."""
    parse(ConsentAddition, "anyone", {**_EXAMPLE, **defaults})

    async def work(ledger: Ledger, settings: SuppressionSettings) -> tuple[int, int]:
        importer = ConsentImporter(ledger, settings.sealer, tenant, settings.default_region, defaults, print_error)
        with open_source(file, options) as source:
            if description := source.describe():
                print_error(description)
            return await importer.run(source)

    recorded, failed = with_ledger(tenant, work)
    open_console().print(f"{recorded:,} recorded, {failed:,} not taken")
    return not failed
