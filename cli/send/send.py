"""What `send` does, one step after the other: check, read the file, publish, follow, call the roll."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from cli import event_loop as loop
from cli.clients.bulk_endpoint import HttpAnswer, encode_body
from cli.clients.ledger_client import open_ledger
from cli.console import open_console, program
from cli.errors import UnknownTemplate, UsageError
from cli.recipients_file.rows import RowFormat
from cli.recipients_file.source import Source, open_source
from cli.report.print_summary import print_roll_call
from cli.report.summary import Summary
from cli.send import dry_run
from cli.send.over_http import HttpSend, post_and_follow, post_and_watch, post_only
from cli.send.over_kafka import publish_and_follow, publish_and_watch, publish_only
from cli.send.request_options import check_head
from cli.send.send_request import FileSummary, SendRequest, new_request_id, scan_file
from cli.settings import LedgerAddress, RecipientSettings, SendSettings, ledger_if_given, load
from cli.template_check import compile_all
from core.ids import request_key
from ledger.message_template import choose_source
from ledger.models import StoredTemplate
from schemas.requests import BulkBody


@dataclass(frozen=True, slots=True, repr=False)
class SendOptions:
    """The options of `send`; `fields` are those of the request. No repr: they hold a text and a token."""

    file: Path
    row_format: str | None
    fields: dict[str, Any]
    tenant: str | None
    request_id: str | None
    dry_run: bool
    wait: bool
    timeout_seconds: float | None
    url: str | None
    token: str | None


def run(options: SendOptions) -> Summary | None:
    """Send; the answer is the roll call that was printed, or None where nothing is waited for. Raises CommandError."""
    console = open_console()
    over_http = _checked_way(options)
    body = check_head(options.fields, tenant=None if over_http else options.tenant, request_id=options.request_id)
    row_format = RowFormat(options.row_format) if options.row_format else None
    with open_source(options.file, row_format) as source:
        order = _order(options, body, source)
        if options.dry_run:
            dry_run.run(order, load(RecipientSettings), console, one_call=over_http)
            return None
        return _over_http(options, order, console) if over_http else _over_kafka(options, order, console)


def _checked_way(options: SendOptions) -> bool:
    """Whether it goes over HTTP; raises UsageError for options that do not go together."""
    if options.url is None and options.tenant is None:
        raise UsageError("--tenant: is needed")
    if options.url is None:
        return False
    if not options.token and not options.dry_run:
        raise UsageError("--token: is needed with --url; `rollcall token` makes one for development")
    if options.tenant is not None:
        raise UsageError("--tenant: over HTTP the token says the tenant")
    return True


def _order(options: SendOptions, body: BulkBody, source: Source) -> SendRequest:
    """The request with its text compiled; a template is looked up in the ledger, or by the service that is called."""
    if body.expires_at and body.expires_at <= datetime.now(UTC) and options.request_id is None:
        raise UsageError("--expires-at: has passed")
    template = None
    if body.template is not None and options.tenant is not None:
        address = load(LedgerAddress)
        template = loop.run(find_template(address, options.tenant, body.template, options.request_id))
    text = choose_source(body, template)
    if text.lacks_subject:
        raise UsageError("--subject: is needed, for the template has none")
    return SendRequest(
        source=source,
        body=body,
        text=compile_all(body.channel, text.content, text.subject, body.variables),
        tenant_id=options.tenant or "",
        request_id=options.request_id or new_request_id(),
        accepted_at=datetime.now(UTC),
        repeated=options.request_id is not None,
        template_version=template.version if template else None,
    )


def _over_kafka(options: SendOptions, order: SendRequest, console: Console) -> Summary | None:
    settings = load(SendSettings)
    found, _ = scan_file(order)
    # Said before anything is published, so that it can be repeated whatever happens then.
    console.print(f"request {order.request_id}")
    console.print(f"{_many(found.recipients, 'recipient')} in {_many(found.parts, 'part')}")
    hint = _report(order.request_id, order.tenant_id)
    if not options.wait:
        loop.run(publish_only(order, found, settings))
        console.print(f"published; see {hint}", soft_wrap=True)
        return None
    try:
        summary = loop.run(_published(options, order, found, settings, console))
    except KeyboardInterrupt:
        typer.echo(f"interrupted; what is published goes on without this command: {hint}", err=True)
        raise
    print_roll_call(console, summary, hint=hint)
    return summary


async def _published(
    options: SendOptions, order: SendRequest, found: FileSummary, settings: SendSettings, console: Console
) -> Summary:
    """Publish it and wait for its end: by the events, or where it may have been published before by the ledger."""
    timeout = options.timeout_seconds
    address = ledger_if_given() if order.repeated else None
    if address is None:
        return await publish_and_follow(order, found, settings, console, timeout=timeout)
    return await publish_and_watch(order, found, settings, address, console, timeout=timeout)


def _over_http(options: SendOptions, order: SendRequest, console: Console) -> Summary | None:
    encoded = encode_body(order.source, order.body, order.text)
    call = HttpSend(options.url or "", options.token or "", encoded, options.request_id, order.body.reply_topic)
    if not options.wait:
        answered = loop.run(post_only(call, console))
        console.print(f"see {_report(answered.request_id, answered.tenant_id)}", soft_wrap=True)
        return None
    answered, summary = loop.run(_called(options, call, console))
    print_roll_call(console, summary, hint=_report(answered.request_id, answered.tenant_id))
    return summary


async def _called(options: SendOptions, call: HttpSend, console: Console) -> tuple[HttpAnswer, Summary]:
    """Make the call and wait for its end: by the events, or where it may have been made before by the ledger."""
    timeout = options.timeout_seconds
    if options.request_id is not None and (address := ledger_if_given()):
        return await post_and_watch(call, address, console, timeout=timeout)
    try:
        settings = load(SendSettings)
    except UsageError as error:
        raise UsageError(f"{error}\nresults are followed over Kafka: set it, or give --no-wait") from None
    return await post_and_follow(call, settings, console, timeout=timeout)


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _report(request_id: str, tenant_id: str) -> str:
    return f"{program()} report {request_id} --tenant {tenant_id}"


async def find_template(settings: LedgerAddress, tenant: str, code: str, request_id: str | None) -> StoredTemplate:
    """The newest version; for a request that is known by now, the version that it was accepted with.

    Raises UnknownTemplate where the tenant has none of this code.
    """
    async with open_ledger(settings) as ledger:
        known = await ledger.requests.get(request_key(tenant, request_id)) if request_id else None
        version = known.header.template_version if known else None
        found = await ledger.templates.get(tenant, code, version)
    if found is None:
        raise UnknownTemplate(tenant, code, None)
    return found
