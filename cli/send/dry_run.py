"""`send --dry-run`: check of the whole file, and an estimate of the result. Nothing is published."""

import os
from collections.abc import Sequence

import orjson
from rich.console import Console

from cli.clients.bulk_endpoint import check_size
from cli.console import plain_table, print_table
from cli.errors import CommandError, UsageError
from cli.recipients_file.csv_columns import REGION
from cli.recipients_file.scan import FileScan
from cli.send.dry_run_outcomes import DryRunEstimate
from cli.send.marketing_policy import check_policy
from cli.send.send_request import FileSummary, SendRequest, scan_file
from cli.settings import RecipientSettings, load
from cli.template_check import missing_variable_lines, unusable_names_note
from config.settings import PREFIX
from core.money import parse_amount, show_amount
from core.request_parts import choose_lane, recipient_json
from providers.prices import ProviderPrices
from schemas.requests import AnyRecipient
from schemas.statuses import Channel, Reason

_REGION_NOTE = (
    "a column region is a variable, because the text names it. To read the country from it too, add "
    "--column region=region"
)


class _RecipientObserver:
    """Observer that adds each recipient to the estimate and, for a call over HTTP, counts its bytes."""

    def __init__(self, estimate: DryRunEstimate, *, one_call: bool) -> None:
        self._estimate, self._one_call = estimate, one_call
        self.recipients = self.bytes = 0

    def __call__(self, recipient: AnyRecipient, line: int) -> None:
        self._estimate.add(recipient, line)
        self.recipients += 1
        if self._one_call:
            self.bytes += len(orjson.dumps(recipient_json(recipient))) + 1


def run(request: SendRequest, settings: RecipientSettings, console: Console, *, one_call: bool) -> None:
    """Print the expected result. Raises CommandError if the file cannot be sent or some recipients would fail."""
    name, prices = _first_prices(request.body.channel)
    estimate = DryRunEstimate(request.body.channel, request.text, request.body.region, request.text_limit, prices)
    observer = _RecipientObserver(estimate, one_call=one_call)
    summary, scan = scan_file(request, observer)
    counts = estimate.counts()
    _print_size(console, summary, settings, one_call=one_call)
    if request.body.channel is Channel.SMS:
        console.print(_number_note(request.body.region, settings), soft_wrap=True)
        if REGION in request.source.layout.as_variables:
            console.print(_REGION_NOTE, soft_wrap=True)
    console.print(_type_note(request), soft_wrap=True)
    notes, refusal = check_policy(request)
    for each in notes:
        console.print(each, soft_wrap=True)
    console.print()
    _print_counts(console, counts, summary.recipients)
    _print_segments(console, estimate)
    if prices:
        _print_cost(console, estimate, name, prices.currency, request.body.budget)
    elif request.body.budget is not None:
        console.print("\nthe budget was not compared, because this shell does not know the prices", soft_wrap=True)
    _print_excluded(console, estimate, sum(n for reason, n in counts.items() if reason))
    if note := unusable_names_note(scan.given_names):
        console.print(f"\n{note}", soft_wrap=True)
    console.print("\nnothing was published")
    if one_call:
        check_size(observer.recipients, observer.bytes)
    if lines := [*_problem_lines(scan), *([refusal] if refusal else [])]:
        raise CommandError("\n".join(lines))
    failed = sum(n for reason, n in counts.items() if reason not in {None, Reason.DUPLICATE})
    if failed:
        raise CommandError(f"{failed:,} of {summary.recipients:,} recipients would fail.")


def _problem_lines(scan: FileScan) -> Sequence[str]:
    """Return the problems because of which `send` would not accept the file."""
    lines = scan.error_lines()
    if lines:
        lines.append("`rollcall send` does not accept the file until every line can be used.")
    return [*lines, *filter(None, [missing_variable_lines(scan.missing_variables, scan.given_names)])]


def _print_size(console: Console, summary: FileSummary, settings: RecipientSettings, *, one_call: bool) -> None:
    parts = f"{summary.parts:,} part{'' if summary.parts == 1 else 's'}"
    route = "one call" if one_call else f"{parts}, {choose_lane(summary.first, settings.chunk_size).value} lane"
    recipients = f"{summary.recipients:,} recipient{'' if summary.recipients == 1 else 's'}"
    console.print(f"{recipients} in {route}, {summary.bytes:,} bytes", soft_wrap=True)


def _number_note(region: str | None, settings: RecipientSettings) -> str:
    """Return how numbers without + are read, here and by the consumer, because the request carries the region."""
    if region is None:
        return "numbers without + need a region, because --region and ROLLCALL_DEFAULT_REGION are not given"
    origin = "ROLLCALL_DEFAULT_REGION" if region == settings.default_region else "--region"
    return f"numbers without + count as numbers of {region} ({origin})"


def _type_note(request: SendRequest) -> str:
    """Return the type of the content and the reason for it."""
    if request.type_choice is None:
        return "the service chooses between text/plain and text/html, because it has the template"
    content_type, reason = request.type_choice
    return f"the content is {content_type}, because {reason}"


def _print_counts(console: Console, counts: dict[Reason | None, int], total: int) -> None:
    table = plain_table("would be", "recipients", "meaning", numbers=("recipients",))
    table.add_row("sent", f"{counts.get(None, 0):,}", "handed to a provider")
    for reason, number in counts.items():
        if reason and number:
            status, _, meaning = reason.meaning.partition(": ")
            table.add_row(f"{status}, {reason.value}", f"{number:,}", meaning)
    table.add_row("total", f"{total:,}", "")
    print_table(console, table)


def _print_segments(console: Console, estimate: DryRunEstimate) -> None:
    segments = estimate.segments()
    if not segments:
        return
    table = plain_table("encoding", "SMS", "segments", numbers=("SMS", "segments"))
    for encoding, (messages, number) in sorted(segments.items()):
        table.add_row(encoding.value, f"{messages:,}", f"{number:,}")
    messages, number = (sum(each) for each in zip(*segments.values(), strict=True))
    table.add_row("total", f"{messages:,}", f"{number:,}")
    console.print()
    print_table(console, table)


def _first_prices(channel: Channel) -> tuple[str, ProviderPrices | None]:
    """Return the name and the prices of the first provider of the channel that has some, if this shell knows it."""
    if not any(os.environ.get(f"{PREFIX}{name}") for name in ("PROVIDERS", "PROVIDERS_FILE")):
        return "", None
    from providers.settings import ProviderSettings  # noqa: PLC0415  # slow, and few shells know the providers

    try:
        entries = sorted(load(ProviderSettings).entries, key=lambda entry: entry.priority)
    except UsageError:  # the settings of a consumer, which this command does not need
        return "", None
    priced = ((entry.name, ProviderPrices(entry.prices)) for entry in entries if entry.prices)
    return next(priced, ("", None)) if channel is Channel.SMS else ("", None)


def _print_cost(console: Console, estimate: DryRunEstimate, name: str, currency: str, budget: str | None) -> None:
    amount, unknown = estimate.cost()
    rest = f", and {unknown:,} SMS without a price" if unknown else ""
    console.print(f"\ncost: {show_amount(amount)} {currency} at the prices of {name}{rest}", soft_wrap=True)
    if budget is not None and parse_amount(budget) < amount:
        reason = Reason.BUDGET_EXHAUSTED.value
        console.print(
            f"the budget of {budget} {currency} is too small. Deliveries beyond it would end suppressed, {reason}",
            soft_wrap=True,
        )


def _print_excluded(console: Console, estimate: DryRunEstimate, total: int) -> None:
    table = plain_table("line", "reason", "variable", "error", numbers=("line",))
    for line, reason, name, error in estimate.excluded():
        table.add_row(f"{line}", reason.value, name, error)
    if not table.row_count:
        return
    console.print()
    print_table(console, table)
    if total > table.row_count:
        console.print(f"and {total - table.row_count:,} more")
