"""What `send` does, one step after the other: check, read the file, publish, follow, call the roll."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from cli.console import open_console, program
from cli.errors import UsageError
from cli.head import check_head
from cli.http_call import encode_body
from cli.order import Order, new_request_id, survey
from cli.over_http import Call, post_and_follow, post_only
from cli.over_kafka import publish_and_follow, publish_only
from cli.render import print_roll_call
from cli.rows import RowFormat
from cli.settings import SendSettings, load
from cli.source import Source, open_source
from cli.summary import Summary
from schemas.requests import BulkBody


@dataclass(frozen=True, slots=True, repr=False)
class Options:
    """The options of `send`; `fields` are those of the request. No repr: they hold a text and a token."""

    file: Path
    row_format: str | None
    fields: dict[str, Any]
    tenant: str | None
    request_id: str | None
    wait: bool
    timeout_seconds: float | None
    url: str | None
    token: str | None


def run(options: Options) -> Summary | None:
    """Send; the answer is the roll call that was printed, or None where nothing is waited for. Raises CommandError."""
    console = open_console()
    over_http = _checked_way(options)
    body = check_head(options.fields, tenant=None if over_http else options.tenant, request_id=options.request_id)
    row_format = RowFormat(options.row_format) if options.row_format else None
    with open_source(options.file, row_format) as source:
        way = _over_http if over_http else _over_kafka
        return way(options, body, source, console)


def _checked_way(options: Options) -> bool:
    """Whether it goes over HTTP; raises UsageError for options that do not go together."""
    if options.url is None and options.tenant is None:
        raise UsageError("--tenant: is needed")
    if options.url is None:
        return False
    if not options.token:
        raise UsageError("--token: is needed with --url; `rollcall token` makes one for development")
    if options.tenant is not None:
        raise UsageError("--tenant: over HTTP the token says the tenant")
    return True


def _over_kafka(options: Options, body: BulkBody, source: Source, console: Console) -> Summary | None:
    settings = load(SendSettings)
    order = Order(
        source=source,
        body=body,
        tenant_id=options.tenant or "",
        request_id=options.request_id or new_request_id(),
        accepted_at=datetime.now(UTC),
        repeated=options.request_id is not None,
    )
    found = survey(order)
    # Said before anything is published, so that it can be repeated whatever happens then.
    console.print(f"request {order.request_id}")
    console.print(f"{_many(found.recipients, 'recipient')} in {_many(found.parts, 'part')}")
    if not options.wait:
        asyncio.run(publish_only(order, found, settings))
        console.print(f"published; see {_report(order.request_id, order.tenant_id)}", soft_wrap=True)
        return None
    hint = _report(order.request_id, order.tenant_id)
    try:
        following = publish_and_follow(order, found, settings, console, timeout=options.timeout_seconds)
        summary = asyncio.run(following)
    except KeyboardInterrupt:
        typer.echo(f"interrupted; what is published goes on without this command: {hint}", err=True)
        raise
    print_roll_call(console, summary, hint=hint)
    return summary


def _over_http(options: Options, body: BulkBody, source: Source, console: Console) -> Summary | None:
    encoded = encode_body(source, body)
    call = Call(options.url or "", options.token or "", encoded, options.request_id, body.reply_topic)
    if not options.wait:
        answered = asyncio.run(post_only(call, console))
        console.print(f"see {_report(answered.request_id, answered.tenant_id)}", soft_wrap=True)
        return None
    try:
        settings = load(SendSettings)
    except UsageError as error:
        raise UsageError(f"{error}\nresults are followed over Kafka: set it, or give --no-wait") from None
    answered, summary = asyncio.run(post_and_follow(call, settings, console, timeout=options.timeout_seconds))
    print_roll_call(console, summary, hint=_report(answered.request_id, answered.tenant_id))
    return summary


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _report(request_id: str, tenant_id: str) -> str:
    return f"{program()} report {request_id} --tenant {tenant_id}"
