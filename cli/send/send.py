"""Steps of `send`: check the options, read the file, publish, follow, and print the roll call."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from cli import event_loop as loop
from cli.clients.bulk_endpoint import HttpAnswer, encode_body
from cli.clients.ledger_client import open_ledger
from cli.console import open_console
from cli.errors import UnknownTemplate, UsageError
from cli.plain_output import print_error, program_name
from cli.recipients_file.csv_columns import REGION, TIMEZONE
from cli.recipients_file.layout import FileOptions
from cli.recipients_file.open_file import Source, open_source
from cli.report.file_lines import with_lines
from cli.report.print_summary import print_roll_call
from cli.report.summary import Summary
from cli.send import dry_run
from cli.send.over_http import HttpSend, errors_with_line, post_and_follow, post_and_watch, post_only
from cli.send.over_kafka import publish_and_follow, publish_and_watch, publish_only
from cli.send.request_options import check_request_options, option_of
from cli.send.send_request import FileSummary, SendRequest, new_request_id, scan_file
from cli.settings import LedgerAddress, RecipientSettings, SendSettings, ledger_if_given, load, load_text_limits
from cli.template_check import check_content_size, check_secret_variables, compile_content
from core.ids import request_key
from ledger.message_template import UNFIT_TYPE, choose_source
from ledger.stored_template import StoredTemplate
from schemas.request_times import too_far_ahead
from schemas.requests import BulkBody
from schemas.statuses import Channel


@dataclass(frozen=True, slots=True, repr=False)
class SendOptions:
    """Options of `send`. `fields` are those of the request. Without a repr, because they hold a text and a token."""

    file: Path
    form: FileOptions
    """Form of the file."""
    fields: dict[str, Any]
    tenant: str | None
    request_id: str | None
    dry_run: bool
    wait: bool
    timeout_seconds: float | None
    url: str | None
    token: str | None


def run(options: SendOptions) -> Summary | None:
    """Send the file and print the roll call. Raises CommandError.

    Returns the roll call, or None if the command does not wait for the end.
    """
    console = open_console()
    over_http = _is_over_http(options)
    body = check_request_options(
        with_default_region(options.fields),
        tenant=None if over_http else options.tenant,
        request_id=options.request_id,
    )
    with open_source(options.file, options.form) as source:
        if description := source.describe():
            console.print(description, soft_wrap=True)
        request = _build_request(options, body, source)
        if options.dry_run:
            dry_run.run(request, load(RecipientSettings), console, one_call=over_http)
            return None
        return _send_over_http(options, request, console) if over_http else _send_over_kafka(options, request, console)


def with_default_region(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields with the region of this process, unless a region is given.

    The request says which region its sender meant. Otherwise the setting of the consumer would decide, and a dry run
    could show other numbers than those that get the message.
    """
    if fields["region"] is not None or fields["channel"] is not Channel.SMS:
        return fields
    return {**fields, "region": load(RecipientSettings).default_region}


def _is_over_http(options: SendOptions) -> bool:
    """Return whether the request goes over HTTP. Raises UsageError for options that contradict each other."""
    if options.url is None and options.tenant is None:
        raise UsageError("--tenant: is required.")
    if options.url is None:
        return False
    if not options.token and not options.dry_run:
        raise UsageError("--token: is required with --url. `rollcall token` prints one for development.")
    if options.tenant is not None:
        raise UsageError("--tenant: must not be given with --url, because the token names the tenant.")
    return True


def _build_request(options: SendOptions, body: BulkBody, source: Source) -> SendRequest:
    """Return the request with its compiled text.

    Over Kafka, a template is read from the ledger. Over HTTP, the service reads it.
    """
    _check_times(body, datetime.now(UTC), is_repeat=options.request_id is not None)
    template = None
    if body.template is not None and options.tenant is not None:
        address = load(LedgerAddress)
        template = loop.run(find_template(address, options.tenant, body.template, options.request_id))
    text = choose_source(body, template)
    if text.lacks_subject:
        raise UsageError("--subject: is required, because the template has no subject.")
    if text.unfit_type:
        raise UsageError(f"--content-type: {UNFIT_TYPE}")
    text_limits = load_text_limits()
    check_content_size(option_of(text.content_field), text.content, body.channel, text_limits)
    message = compile_content(body.channel, text.content, text.subject, body.variables, text.content_type)
    source.keep_as_variables(*(name for name in (REGION, TIMEZONE) if message.find_unused([name]) is None))
    if body.channel is Channel.EMAIL:
        source.keep_as_variables(REGION)
    if body.template is None or template is not None:
        check_secret_variables(message, body.secret_variables or ())
    return SendRequest(
        source=source,
        body=body,
        text=message,
        type_choice=text.type_choice,
        text_limit=text_limits.of(body.channel),
        tenant_id=options.tenant or "",
        request_id=options.request_id or new_request_id(),
        accepted_at=datetime.now(UTC),
        repeated=options.request_id is not None,
        template_version=template.version if template else None,
    )


def _check_times(body: BulkBody, now: datetime, *, is_repeat: bool) -> None:
    """Raise UsageError for a time that the services refuse. Warn about one that has no effect."""
    if problem := too_far_ahead(body, now):
        raise UsageError(f"{option_of(problem[0])}: {problem[1]}.")
    if is_repeat:
        return
    if body.expires_at and body.expires_at <= now:
        raise UsageError("--expires-at: must be in the future.")
    if body.has_passed_send_at(now):
        print_error("--send-at: has passed. The messages are sent at once.")


def _send_over_kafka(options: SendOptions, request: SendRequest, console: Console) -> Summary | None:
    settings = load(SendSettings)
    file_summary, _ = scan_file(request)
    # Print the id before anything is published, so that the user can repeat the request after any failure.
    console.print(f"request {request.request_id}")
    console.print(f"{_count_of(file_summary.recipients, 'recipient')} in {_count_of(file_summary.parts, 'part')}")
    hint = _report_command(request.request_id, request.tenant_id)
    if not options.wait:
        loop.run(publish_only(request, file_summary, settings))
        console.print(f"published: see {hint}", soft_wrap=True)
        return None
    try:
        summary = loop.run(_publish_and_wait(options, request, file_summary, settings, console))
    except KeyboardInterrupt:
        print_error(f"interrupted: the published part of the request continues. See {hint}")
        raise
    summary = with_lines(summary, request.source, file_summary.part_sizes)
    print_roll_call(console, summary, hint=hint)
    return summary


async def _publish_and_wait(
    options: SendOptions, request: SendRequest, file_summary: FileSummary, settings: SendSettings, console: Console
) -> Summary:
    """Publish the request and wait for its end.

    Follow its events, or the ledger if the request may have been published before.
    """
    timeout = options.timeout_seconds
    address = ledger_if_given() if request.repeated else None
    if address is None:
        return await publish_and_follow(request, file_summary, settings, console, timeout=timeout)
    return await publish_and_watch(request, file_summary, settings, address, console, timeout=timeout)


def _send_over_http(options: SendOptions, request: SendRequest, console: Console) -> Summary | None:
    encoded = encode_body(request.source, request.body, request.text)
    call = HttpSend(options.url or "", options.token or "", encoded, options.request_id, request.body.reply_topic)
    with errors_with_line(request.source):
        answer, summary = loop.run(_post(options, call, console))
    if summary is None:
        console.print(f"see {_report_command(answer.request_id, answer.tenant_id)}", soft_wrap=True)
        return None
    summary = with_lines(summary, request.source, summary.part_sizes)
    print_roll_call(console, summary, hint=_report_command(answer.request_id, answer.tenant_id))
    return summary


async def _post(options: SendOptions, call: HttpSend, console: Console) -> tuple[HttpAnswer, Summary | None]:
    """Make the call and wait for the end of the request, unless the user does not want to.

    Follow its events, or the ledger if the call may have been made before.
    """
    timeout = options.timeout_seconds
    if not options.wait:
        return await post_only(call, console), None
    if options.request_id is not None and (address := ledger_if_given()):
        return await post_and_watch(call, address, console, timeout=timeout)
    try:
        settings = load(SendSettings)
    except UsageError as error:
        raise UsageError(f"{error}\nResults are followed over Kafka. Set this variable, or add --no-wait.") from None
    return await post_and_follow(call, settings, console, timeout=timeout)


def _count_of(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _report_command(request_id: str, tenant_id: str) -> str:
    return f"{program_name()} report {request_id} --tenant {tenant_id}"


async def find_template(settings: LedgerAddress, tenant: str, code: str, request_id: str | None) -> StoredTemplate:
    """Return the newest version, or for a known request the version with which it was accepted.

    Raises UnknownTemplate if the tenant has no template with this code.
    """
    async with open_ledger(settings) as ledger:
        request = await ledger.requests.get(request_key(tenant, request_id)) if request_id else None
        version = request.header.template_version if request else None
        template = await ledger.templates.get(tenant, code, version)
    if template is None:
        raise UnknownTemplate(tenant, code, None)
    return template
