"""The first reading of the whole file: nothing is published before every line can be used."""

from collections.abc import Iterator

from cli.errors import CommandError, UsageError
from cli.recipients_file.rows import RowError, Rows
from cli.template_check import asked_of_recipients, missing_variable_lines
from ledger.message_template import MessageTemplate
from schemas.requests import AnyRecipient

_SHOWN = 20
_NAMES = 1_000
"""How many names of variables are remembered to propose one."""


class FileScan:
    """Gives the recipients of a file, and remembers what is wrong with the others."""

    def __init__(self, rows: Rows, text: MessageTemplate) -> None:
        self._rows = rows
        self.missing_variables = set(asked_of_recipients(text))
        """The variables of the text that no recipient gave so far."""
        self.seen: set[str] = set()
        """Names that recipients gave instead."""
        self.wrong: list[RowError] = []
        """The first lines that cannot be used."""
        self.wrong_total = 0

    @property
    def line(self) -> int:
        """Where the reading stands."""
        return self._rows.line

    def __iter__(self) -> Iterator[AnyRecipient]:
        try:
            for row in self._rows.judged():
                if isinstance(row, RowError):
                    self._note(row)
                    continue
                if self.missing_variables and not isinstance(row, str):
                    self.missing_variables -= row.variables.keys()
                    self._remember(row.variables)
                yield row
        except RowError as error:
            self._note(error)

    def _remember(self, names: dict[str, str]) -> None:
        if len(self.seen) < _NAMES:
            self.seen.update(names)

    def _note(self, error: RowError) -> None:
        self.wrong_total += 1
        if len(self.wrong) < _SHOWN:
            self.wrong.append(error)

    def require_lines(self) -> None:
        """Raise CommandError with each line that cannot be used: to leave one out would lose somebody silently."""
        if self.wrong:
            lines = [f"FILE: {error}" for error in self.wrong]
            if self.wrong_total > len(lines):
                lines.append(f"FILE: and {self.wrong_total - len(lines):,} more lines; nothing was published")
            raise CommandError("\n".join(lines))

    def require_variables(self) -> None:
        """Raise UsageError for each variable that not a single recipient gives: it is a slip in the text."""
        if self.missing_variables:
            raise UsageError(missing_variable_lines(self.missing_variables, self.seen))
