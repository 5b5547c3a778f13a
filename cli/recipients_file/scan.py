"""First pass over the whole file, because nothing is published before every line can be used."""

from collections.abc import Iterator

from cli.errors import CommandError, UsageError
from cli.recipients_file.open_file import Source
from cli.recipients_file.row_error import RowError
from cli.template_check import missing_variable_lines, variables_for_recipients
from core.addresses import AddressProblem, AddressRules
from core.variable_names import names_in
from ledger.message_template import MessageTemplate
from schemas.requests import AnyRecipient, BulkBody
from schemas.statuses import Channel

_MAX_ERRORS = 20
_NO_REGION = "to: has no country. Write it with +, or give --region, a column `region`, or ROLLCALL_DEFAULT_REGION."
_MAX_NAMES = 1_000
"""Maximum number of variable names that are kept, to propose one in place of a misspelt one."""


class FileScan:
    """Iterator over the usable recipients of a file. It collects the errors of the other lines."""

    def __init__(self, source: Source, text: MessageTemplate, body: BulkBody) -> None:
        self._rows = source.rows()
        is_sms = body.channel is Channel.SMS
        self._without_region = AddressRules(body.channel, None) if is_sms and body.region is None else None
        self._file_name = source.name
        self.missing_variables = set(variables_for_recipients(text))
        """Variables of the text that no recipient gave so far."""
        self.given_names: set[str] = set()
        """Names of variables that recipients gave."""
        self.errors: list[RowError] = []
        """First lines that cannot be used."""
        self.error_count = 0

    @property
    def line(self) -> int:
        """Return the number of the line that was read last."""
        return self._rows.line

    def __iter__(self) -> Iterator[AnyRecipient]:
        try:
            for row in self._rows.checked_rows():
                if isinstance(row, RowError):
                    self._add_error(row)
                    continue
                if self._lacks_region(row):
                    self._add_error(RowError(self.line, _NO_REGION))
                    continue
                if not isinstance(row, str):
                    self._remember(row.variables)
                    if self.missing_variables:
                        self.missing_variables -= names_in(row.variables)
                yield row
        except RowError as error:
            self._add_error(error)

    def _lacks_region(self, row: AnyRecipient) -> bool:
        """Return whether the setting of the consumer would decide the country of a number. Nobody knows it here."""
        if self._without_region is None:
            return False
        to, region = (row, None) if isinstance(row, str) else (row.to, row.region)
        return self._without_region.in_region(region).read(to) is AddressProblem.NO_REGION

    def _remember(self, names: dict[str, str]) -> None:
        if len(self.given_names) < _MAX_NAMES:
            self.given_names.update(names)

    def _add_error(self, error: RowError) -> None:
        self.error_count += 1
        if len(self.errors) < _MAX_ERRORS:
            self.errors.append(error)

    def error_lines(self) -> list[str]:
        """Return a line for each of the first errors, and one with the number of further errors."""
        lines = [f"{self._file_name}, {error}" for error in self.errors]
        if self.error_count > len(lines):
            lines.append(f"{self._file_name}: {self.error_count - len(lines):,} more lines cannot be used.")
        return lines

    def check_lines(self) -> None:
        """Raise CommandError with the lines that cannot be used. Leaving them out would lose recipients silently."""
        if self.errors:
            raise CommandError("\n".join([*self.error_lines(), "Nothing was published."]))

    def check_variables(self) -> None:
        """Raise UsageError for each variable that no recipient gives, because it is probably misspelt."""
        if self.missing_variables:
            raise UsageError(missing_variable_lines(self.missing_variables, self.given_names))
