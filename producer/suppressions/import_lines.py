"""Lines of an import of suppressions, as JSON objects. Each wrong one is named by its number, and shows no value."""

from typing import NamedTuple

from ledger.suppressing import SuppressedAddress
from producer.dependencies import Dependencies
from producer.errors import BadRequestError
from producer.http.body_errors import parse_body
from producer.suppressions.access import address_to_suppress
from schemas.suppressions import LineProblem, SuppressionAddition

MAX_LINES = 10_000
"""Maximum number of lines of an import."""
MAX_IMPORT_BYTES = 4 * 1024 * 1024
"""Maximum size of an import in bytes."""
MAX_LINE_BYTES = 4 * 1024
"""Maximum length of a line in bytes. The longest fields need a quarter of it."""


class ImportLine(NamedTuple):
    """Line of an import: its number from 1, and its address or its problem."""

    number: int
    read: SuppressedAddress | LineProblem


def split_lines(body: bytearray) -> list[tuple[int, bytes]]:
    """Return the lines that are not blank, with their numbers from 1. Raises BadRequestError for none, or too many."""
    if body.count(b"\n") >= MAX_LINES + (1 if body.endswith(b"\n") else 0):
        raise BadRequestError(f"the body has more than {MAX_LINES:,} lines. Send it in several calls.")
    lines = [(number, bytes(line)) for number, line in enumerate(body.split(b"\n"), 1) if line.strip()]
    if not lines:
        raise BadRequestError("the body has no lines")
    return lines


async def read_lines(lines: list[tuple[int, bytes]], deps: Dependencies) -> list[ImportLine]:
    """Read some lines. The event loop turns meanwhile."""
    read = []
    for number, line in lines:
        await deps.turn_budget.wait(len(line))
        read.append(ImportLine(number, _read(number, line, deps)))
    return read


def _read(number: int, line: bytes, deps: Dependencies) -> SuppressedAddress | LineProblem:
    if len(line) > MAX_LINE_BYTES:
        return LineProblem(line=number, problem=f"must have at most {MAX_LINE_BYTES:,} bytes")
    try:
        return address_to_suppress(parse_body(SuppressionAddition, line), deps)
    except BadRequestError as error:
        return LineProblem(line=number, problem=error.message.replace("the body", "the line"))
