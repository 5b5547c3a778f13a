"""One call of the HTTP service: the body of a whole file, and what the service answers."""

from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from cli.errors import CommandError, UsageError
from cli.recipients_file.scan import FileScan
from cli.recipients_file.source import Source
from core.request_parts import recipient_json
from ledger.message_template import MessageTemplate
from schemas.requests import BulkBody

MAX_RECIPIENTS = 100_000
MAX_BODY_BYTES = 16 * 1024 * 1024
_CALL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What the service said to a request that it took."""

    request_id: str
    tenant_id: str
    total: int


def encode_body(source: Source, body: BulkBody, text: MessageTemplate) -> bytes:
    """The body of the call; raises CommandError naming each bad line, or when the file is too large for one call."""
    head = orjson.dumps(body.model_dump(mode="json", exclude={"recipients"}, exclude_none=True))
    reading = FileScan(source.rows(), text)
    encoded: list[bytes] = []
    size = len(head)
    for recipient in reading:
        encoded.append(orjson.dumps(recipient_json(recipient)))
        size += len(encoded[-1]) + 1
        require_room(len(encoded), size)
    reading.require_lines()
    if not encoded:
        raise CommandError("FILE: recipients: at least one is needed")
    reading.require_variables()
    return b"".join((head[:-1], b',"recipients":[', b",".join(encoded), b"]}"))


def require_room(recipients: int, size: int) -> None:
    """Raise UsageError where one call does not take so many recipients, or so many bytes."""
    if recipients > MAX_RECIPIENTS or size > MAX_BODY_BYTES:
        raise UsageError(
            f"FILE: one call takes {MAX_RECIPIENTS:,} recipients and {MAX_BODY_BYTES >> 20} MiB; "
            "send it over Kafka, without --url",
        )


async def post(url: str, token: str, body: bytes, request_id: str | None) -> HttpAnswer:
    """Hand the request over; raises CommandError with the service's own words when it does not take it."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    if request_id is not None:
        headers["Idempotency-Key"] = request_id
    where = f"{url.rstrip('/')}/communication/bulk"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_CALL_SECONDS)) as session,
            session.post(where, data=body, headers=headers, allow_redirects=False) as response,
        ):
            answer = await response.read()
            if response.status != 200:
                raise CommandError(f"--url: the service answered {response.status}: {_message(answer)}")
            return _answered(answer, response.headers.get("X-Request-Id"))
    except aiohttp.InvalidURL:
        raise UsageError("--url: is not an http address") from None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise CommandError(f"--url: the service does not answer there ({type(error).__name__})") from None


def _message(answer: bytes) -> str:
    try:
        return str(orjson.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return "without a message; is it rollcall's producer?"


def _answered(answer: bytes, request_id: str | None) -> HttpAnswer:
    try:
        said: dict[str, Any] = orjson.loads(answer)
        first = said["items"][0]
        return HttpAnswer(request_id or first["request_id"], first["tenant_id"], said["total"])
    except (ValueError, LookupError, TypeError):
        raise CommandError("--url: the answer is not that of rollcall's producer") from None
