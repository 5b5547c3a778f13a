"""`rollcall suppressions import`: a file of any size becomes entries. It is read once, some lines at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from cli.console import open_console
from cli.plain_output import print_error
from cli.recipients_file.layout import FileOptions
from cli.recipients_file.open_file import Source, open_source
from cli.recipients_file.row_error import RowError
from cli.settings import SuppressionSettings
from cli.suppressions.import_reader import ImportReader
from cli.suppressions.one_address import parse
from cli.suppressions.rows import suppression_rows
from cli.suppressions.with_ledger import with_ledger
from ledger.ports import Ledger
from ledger.sealing import Sealer
from ledger.suppressing import (
    SuppressedAddress,
    add_suppressions,
    known_suppression_key,
    suppressed_address,
)
from ledger.suppression_port import MAX_ENTRIES, Addition
from schemas.suppressions import SuppressionAddition

LINES_AT_ONCE = 1_000
"""Number of lines that are written with one command."""
DEFAULT_SOURCE = "import"
"""Source of an entry whose line has none."""
_FULL = f"recipient: has {MAX_ENTRIES} entries, and takes no further one."

Sleep = Callable[[float], Awaitable[object]]


@dataclass(slots=True)
class ImportResult:
    """Numbers of lines."""

    added: int = 0
    unchanged: int = 0
    """Lines whose entry was there already."""
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Importer:
    """Import of one file into the suppressions of a tenant."""

    ledger: Ledger
    sealer: Sealer
    tenant: str
    default_region: str | None
    defaults: Mapping[str, str]
    report: Callable[[str], None]
    """Takes the line about a line of the file that is not taken. It names the line, and shows no value of it."""
    sleep: Sleep = asyncio.sleep
    result: ImportResult = field(default_factory=ImportResult)

    async def run(self, source: Source) -> ImportResult:
        """Add an entry for each good line. What was added before an error stays, and a repeat adds the rest."""
        now = self.ledger.now()

        def prepare(row: SuppressionAddition) -> SuppressedAddress:
            return suppressed_address(row, self.default_region, DEFAULT_SOURCE, now)

        reader = ImportReader(suppression_rows(self.defaults), prepare, self.report)
        read = reader.read(source)
        while lines := list(islice(read, LINES_AT_ONCE)):
            key = await known_suppression_key(self.ledger, self.tenant, self.sealer, self.sleep)
            additions = await add_suppressions(self.ledger, key, [address for _, address in lines])
            for (number, _), addition in zip(lines, additions, strict=True):
                if addition is Addition.FULL:
                    reader.refuse(source, RowError(number, _FULL))
            self.result.added += additions.count(Addition.ADDED)
            self.result.unchanged += additions.count(Addition.UNCHANGED)
        self.result.failed = reader.failed
        return self.result


def run(tenant: str, file: Path, options: FileOptions, defaults: Mapping[str, str]) -> bool:
    """Import a file, and print the numbers of its lines. Return whether every line was taken. Raises UsageError."""
    parse(SuppressionAddition, "anyone", {"channel": "email", "reason": "manual", **defaults})

    async def work(ledger: Ledger, settings: SuppressionSettings) -> ImportResult:
        importer = Importer(ledger, settings.sealer, tenant, settings.default_region, defaults, print_error)
        with open_source(file, options) as source:
            if description := source.describe():
                print_error(description)
            return await importer.run(source)

    result = with_ledger(tenant, work)
    counts = f"{result.added:,} added, {result.unchanged:,} there before, {result.failed:,} not taken"
    open_console().print(counts)
    return not result.failed
