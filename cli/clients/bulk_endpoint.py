"""One call of the HTTP service: the request body for a whole file, and the answer."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson

from cli.errors import CommandError, UsageError
from cli.plain_output import printable
from cli.recipients_file.open_file import Source
from cli.recipients_file.scan import FileScan
from core.request_parts import recipient_json
from ledger.message_template import MessageTemplate
from providers.retry_after import parse_retry_after
from schemas.mail_fields import ONE_RECIPIENT
from schemas.requests import BulkBody

MAX_RECIPIENTS = 100_000
"""Maximum number of recipients that the HTTP service accepts in one call."""

MAX_BODY_BYTES = 16 * 1024 * 1024
"""Maximum size of a request body in bytes."""

_CALL_SECONDS = 60.0
_MAX_ATTEMPTS = 6
"""Maximum number of calls, if the service answers that there are too many at the moment."""
_MAX_PAUSE_SECONDS = 30
"""Maximum time in seconds between two of these calls."""
_ROUTE = "/communication/bulk"
_ADDRESS_HINT = "--url must be the address of `rollcall producer`."

_RECIPIENT = re.compile(r"recipients\[([0-9]{1,6})\]")


Sleep = Callable[[float], Awaitable[object]]


class CallRefused(CommandError):  # noqa: N818  # the service works as it should
    """Answer of the service to a call that it does not accept."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"--url: the service answered {status}: {printable(message)}")
        self.message = message

    @property
    def recipient(self) -> int | None:
        """Return the position of the recipient that the message names, from 0."""
        match = _RECIPIENT.search(self.message)
        return int(match[1]) if match else None


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Answer of the service to an accepted request."""

    request_id: str
    tenant_id: str
    total: int


def encode_body(source: Source, body: BulkBody, text: MessageTemplate) -> bytes:
    """Return the body of the call.

    Raises CommandError with each bad line, and UsageError if the file is too large for one call.
    """
    head = orjson.dumps(body.model_dump(mode="json", exclude={"recipients"}, exclude_none=True))
    scan = FileScan(source, text, body)
    encoded: list[bytes] = []
    size = len(head)
    for recipient in scan:
        encoded.append(orjson.dumps(recipient_json(recipient)))
        size += len(encoded[-1]) + 1
        check_size(len(encoded), size)
        if body.cc and len(encoded) > 1:
            raise UsageError(f"--cc: {ONE_RECIPIENT}")
    scan.check_lines()
    if not encoded:
        raise CommandError(f"{source.name}: at least one recipient is required.")
    scan.check_variables()
    return b"".join((head[:-1], b',"recipients":[', b",".join(encoded), b"]}"))


def check_size(recipients: int, size: int) -> None:
    """Raise UsageError if one call does not accept this number of recipients or bytes."""
    if recipients > MAX_RECIPIENTS or size > MAX_BODY_BYTES:
        raise UsageError(
            f"FILE: at most {MAX_RECIPIENTS:,} recipients and {MAX_BODY_BYTES >> 20} MiB are allowed in one call. "
            "Send the file over Kafka, without --url.",
        )


async def post(
    url: str, token: str, body: bytes, request_id: str | None, *, sleep: Sleep = asyncio.sleep
) -> HttpAnswer:
    """Post the request. Raises CallRefused with the service's own message if the service does not accept it.

    A recipient that lacks a variable fails alone, as over Kafka. A service of an older version refuses the call.
    A call over the rate of the token or the tenant is repeated when the service allows it.
    """
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Prefer": "handling=lenient",
    }
    if request_id is not None:
        headers["Idempotency-Key"] = request_id
    # `make up` and the README print the whole address of the route, so a copy of it is accepted too.
    endpoint = url.rstrip("/").removesuffix(_ROUTE) + _ROUTE
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_CALL_SECONDS)) as session:
            for attempts_left in reversed(range(_MAX_ATTEMPTS)):
                async with session.post(endpoint, data=body, headers=headers, allow_redirects=False) as response:
                    answer = await response.read()
                if response.status != 429 or not attempts_left:
                    break
                seconds = parse_retry_after(response.headers.get("Retry-After", ""), datetime.now(UTC))
                await sleep(min(seconds or 1, _MAX_PAUSE_SECONDS))
        if response.status != 200:
            raise CallRefused(response.status, _error_message(response.status, answer))
        return _parse_answer(answer, response.headers.get("X-Request-Id"))
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
        raise UsageError("--url: must be an HTTP address, such as http://127.0.0.1:8080.") from None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise CommandError(f"--url: the service does not answer at this address ({type(error).__name__}).") from None


def _error_message(status: int, answer: bytes) -> str:
    try:
        message = str(orjson.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return f"without a message. {_ADDRESS_HINT}"
    # What the request names, such as a template, has a message of its own.
    return f"{message}. {_ADDRESS_HINT}" if (status, message) == (404, "not found") else message


def _parse_answer(answer: bytes, request_id: str | None) -> HttpAnswer:
    try:
        document: dict[str, Any] = orjson.loads(answer)
        first = document["items"][0]
        return HttpAnswer(request_id or first["request_id"], first["tenant_id"], document["total"])
    except (ValueError, LookupError, TypeError):
        raise CommandError(
            "--url: the answer is not one of `rollcall producer`. Check that the address is correct."
        ) from None
