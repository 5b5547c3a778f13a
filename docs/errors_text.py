"""docs/errors.md: every reason, rejection, HTTP status and exit code, with what to do about it."""  # noqa: INP001

from collections.abc import Iterable, Mapping
from enum import StrEnum
from http import HTTPStatus

from schemas.statuses import DescribedEnum, Reason, RejectionReason, Status

_STATUS_TO_DO: Mapping[Status, str] = {
    Status.PENDING: "wait; `rollcall watch` or the events tell when it ends",
    Status.SCHEDULED: "wait for the time that the request named",
    Status.SENT: "nothing",
    Status.UNKNOWN: "ask the provider about the delivery id, or `rollcall resend` it if twice is better than never",
    Status.DELIVERED: "nothing; not given yet: receipts are not read",
    Status.FAILED: "look at the reason",
    Status.SUPPRESSED: "nothing, or look at the reason",
    Status.CANCELLED: "nothing; a new request sends to them after all",
    Status.EXPIRED: "send a new request if it still matters; give it more time",
}

_REASON_TO_DO: Mapping[Reason, str] = {
    Reason.INVALID_RECIPIENT: "correct the address; for numbers without `+` set ROLLCALL_DEFAULT_REGION",
    Reason.MISSING_VARIABLE: "give the variable with the recipient or the request",
    Reason.INVALID_CONTENT: (
        "take line breaks and control characters out of the variables of a subject. "
        "If the values of one text are longer than 500,000 characters, shorten them"
    ),
    Reason.UNPROCESSABLE: "look at the log's `error`: give the sealing key back, or report the fault; then send again",
    Reason.REJECTED: "read `error` in the log: the provider says why",
    Reason.GAVE_UP: "see that the provider works (`rollcall providers check`), then `rollcall resend` them",
    Reason.UNAVAILABLE: "nothing; it is tried again by itself. If it lasts: `rollcall providers check`",
    Reason.RATE_LIMITED: "nothing; it is tried again by itself. If it lasts: lower rate_per_second, or get more",
    Reason.NO_ANSWER: "ask the provider about the delivery id; a slow provider may need a longer timeout_seconds",
    Reason.INTERRUPTED: "ask the provider about the delivery id; find out why the process ended",
    Reason.DUPLICATE: "nothing; the first of the same address was sent to",
    Reason.SETTLED: "nothing; the log that `resend_of` names says what became of it",
    Reason.OPTED_OUT: "do not send to them; not given yet: there is no list of them",
    Reason.BOUNCED: "get another address; not given yet: there is no list of them",
    Reason.UNDELIVERED: "read `error` in the log; not given yet: receipts are not read",
    Reason.CANCELLED: "nothing; a new request sends to them after all",
    Reason.EXPIRED: "send a new request if it still matters; give it more time",
}

_REJECTION_TO_DO: Mapping[RejectionReason, str] = {
    RejectionReason.NULL_VALUE: "send a value; the intake topics know no deletions",
    RejectionReason.NOT_JSON: "send one JSON object in UTF-8, without a schema registry's frame",
    RejectionReason.INVALID_SCHEMA: "correct the fields that the event names; "
    "docs/schemas/bulk-request.json has them all",
    RejectionReason.UNSUPPORTED_VERSION: "update rollcall and replay the record (`rollcall dead-letters replay`), "
    "or send the version it knows",
    RejectionReason.TOO_LARGE: "split the recipients into parts, or use `rollcall send`",
    RejectionReason.INVALID_CONTENT: "correct the field that the event names",
    RejectionReason.UNPROCESSABLE: "look at the consumer's log lines: report a fault, put back a missing sealing key; "
    "the dead letters have the record",
    RejectionReason.UNKNOWN_TEMPLATE: "store it with `rollcall template put` and replay the record "
    "(`rollcall dead-letters replay`), or correct the code",
    RejectionReason.REPLY_TOPIC_REFUSED: "create the topic, allow it in ROLLCALL_REPLY_TOPICS, and replay the record "
    "(`rollcall dead-letters replay`)",
    RejectionReason.REQUEST_CONFLICT: "take a new request id for another body",
    RejectionReason.PART_REFUSED: "send what is missing as a new request; "
    "parts must share one record key and come in order",
}

_HTTP_TO_DO: Mapping[int, tuple[str, str]] = {
    200: ("Kafka has the whole request, or what was asked for is in the body", "nothing"),
    400: ("a field, header or parameter is wrong; the message names it", "correct it; nothing was published"),
    401: ("no token, or one that does not hold; `WWW-Authenticate` says why", "get a new token"),
    403: ("the token holds and lacks a scope, or the field names another user", "ask for the scope that is named"),
    404: (
        "what is named does not exist for this tenant, or is not known yet",
        "correct the name; a new request is known once a consumer took it up",
    ),
    405: ("the route knows other methods; `Allow` names them", "use one of them"),
    408: ("the body did not arrive in time", "send it again, faster or in parts"),
    409: (
        "the Idempotency-Key was used with another body, or an order comes too late; the message has the state",
        "take a new key for another body; what was sent stays sent",
    ),
    413: ("the body is larger than ROLLCALL_MAX_BODY_BYTES", "split the recipients, or use `rollcall send`"),
    415: ("the body is not plain JSON in UTF-8", "set `Content-Type: application/json`, no compression"),
    500: ("a fault of rollcall", "repeat with the same Idempotency-Key; report the log line with this X-Request-Id"),
    503: (
        "Kafka or MongoDB is away, or there is no room at the moment",
        "repeat after `Retry-After` with `Idempotency-Key: <X-Request-Id>`: it may have been sent",
    ),
}

HEAD = """# Errors

Generated by `python docs/generate.py`; what each code means stands in `schemas/statuses.py`.

Over HTTP every error is `{"code", "message", "timestamp"}`, code being the HTTP status. Over Kafka a record that cannot
be used becomes `request.rejected` on the results topic, where its request id can be read, and a dead letter. What
happens to one recipient is the status and reason of its log and its event.
"""


def errors_page() -> str:
    """The page as Markdown."""
    sections = (
        HEAD,
        _table("Status of a delivery", "status", _rows(Status, _STATUS_TO_DO)),
        _table("Reason of a delivery's status", "reason", _rows(Reason, _REASON_TO_DO)),
        _table("Reason of a refused record", "reason", _rows(RejectionReason, _REJECTION_TO_DO)),
        _table("HTTP", "status", ((f"{code} {HTTPStatus(code).phrase}", *said) for code, said in _HTTP_TO_DO.items())),
        "## Command line\n\nThe exit codes of each command stand in its `--help`.\n",
    )
    return "\n".join(sections)


def _rows(members: type[DescribedEnum], to_do: Mapping[StrEnum, str]) -> Iterable[tuple[str, str, str]]:
    # A member without a word of what to do is a KeyError here: the page cannot leave one out.
    return ((f"`{member.value}`", member.meaning, to_do[member]) for member in members)  # type: ignore[attr-defined]


def _table(title: str, first: str, rows: Iterable[tuple[str, str, str]]) -> str:
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join([f"## {title}", "", f"| {first} | means | what to do |", "|---|---|---|", *lines, ""])
