"""Text of docs/errors.md: every status, reason, rejection and HTTP status, with the action for each."""  # noqa: INP001

from collections.abc import Iterable, Mapping
from enum import StrEnum
from http import HTTPStatus

from core.addresses import AddressProblem
from schemas.statuses import DescribedEnum, Reason, RejectionReason, Status

_STATUS_TO_DO: Mapping[Status, str] = {
    Status.PENDING: "Wait. `rollcall watch` and the events report the end.",
    Status.SCHEDULED: "Wait until the `send_at` of the request.",
    Status.SENT: "Nothing.",
    Status.UNKNOWN: "Ask the provider about the delivery id. If twice is better than never, use `rollcall resend`.",
    Status.DELIVERED: "Nothing.",
    Status.FAILED: "See the reason.",
    Status.SUPPRESSED: "Nothing, or see the reason.",
    Status.CANCELLED: "Nothing. To send after all, make a new request.",
    Status.EXPIRED: "If it still matters, make a new request with more time.",
}

_REASON_TO_DO: Mapping[Reason, str] = {
    Reason.INVALID_RECIPIENT: "Read `error` in the log, and the list below. Correct the address.",
    Reason.MISSING_VARIABLE: "Set the variable in the recipient or the request. For a file, "
    "`rollcall send --dry-run` names it. If `error` names `list_unsubscribe`, the URI of the provider uses it. "
    "Marketing needs it.",
    Reason.INVALID_CONTENT: (
        "Remove line breaks and control characters from the variables of a subject. "
        "A variable that is a link must be a URL that runs no script, so not `javascript:`. "
        "A text that its values make longer than ROLLCALL_MAX_SMS_SEGMENTS or ROLLCALL_MAX_EMAIL_BYTES, or a subject "
        "longer than 1,000 characters, needs shorter values. The other deliveries of the request are sent."
    ),
    Reason.TEMPLATE_NOT_MAPPED: "Store the mapping of the template (`rollcall template put --mapping-file`), "
    "and make a new request. A resend keeps the version without it.",
    Reason.UNPROCESSABLE: "Read `error` in the log. Add the missing sealing key, or report the bug. Then send again.",
    Reason.REJECTED: "Read `error` in the log. It has the provider's reason.",
    Reason.BLOCKED: "Use another channel. The address is on the provider's own list of blocked recipients.",
    Reason.COUNTRY_REFUSED: "Enable the country at the provider, or use a provider that sends there.",
    Reason.TOO_LONG: "Shorten the text, or use a provider that takes longer ones.",
    Reason.PROVIDER_REJECTED_CREDENTIALS: "Correct the credentials of the provider, or pay its account. "
    "Restart the consumer. `rollcall providers check` tests what it can. The provider tries again by itself.",
    Reason.GAVE_UP: "Check the provider (`rollcall providers check`), then use `rollcall resend`.",
    Reason.UNAVAILABLE: "Nothing. It is retried automatically. If it continues, run `rollcall providers check`.",
    Reason.RATE_LIMITED: "Nothing. It is retried automatically. If it continues, ask the provider for a higher limit, "
    "or set max_per_second. `rollcall tenant show` has the limits of the tenant.",
    Reason.QUIET_HOURS: "Nothing. It is sent when the [send window](quiet-hours.md) opens. If its number has several "
    "time zones, give the recipient its `timezone`.",
    Reason.NO_ANSWER: "Ask the provider about the delivery id. A slow provider may need a longer timeout_seconds.",
    Reason.INTERRUPTED: "Ask the provider about the delivery id. Find out why the process ended.",
    Reason.DUPLICATE: "Nothing. The first recipient with this address gets the message.",
    Reason.BUDGET_EXHAUSTED: "Resend what was not sent as a new request with a budget of its own, or with none.",
    Reason.SETTLED: "Nothing. The log that `resend_of` names has the outcome.",
    Reason.OPTED_OUT: "Do not send to this recipient. [Consent](consent.md) says which messages an opt-out stops.",
    Reason.COMPLAINED: "Do not send to this recipient.",
    Reason.BOUNCED: "Find another address. If this one works again, remove it (`rollcall suppressions remove`).",
    Reason.INVALID_ADDRESS: "Find another address. If this one exists, remove it (`rollcall suppressions remove`).",
    Reason.MANUAL: "Nothing. `rollcall suppressions remove` lets messages through again.",
    Reason.UNDELIVERED: "Read `error`, `receipt_class` and `receipt_code` in the log. Remove the address after a "
    "hard bounce.",
    Reason.NO_CONSENT: "Record the [consent](consent.md#consents) if there is one. Else do not send to this recipient.",
    Reason.CAPPED: "Nothing. `rollcall tenant show` has the [caps](quiet-hours.md#caps). Or send it anew later.",
    Reason.CANCELLED: "Nothing. To send after all, make a new request.",
    Reason.ERASED: "Nothing. The address is known no more. To write to the person again, make a new request.",
    Reason.EXPIRED: "If it still matters, make a new request with more time.",
}

_REJECTION_TO_DO: Mapping[RejectionReason, str] = {
    RejectionReason.UNREADABLE: "Correct the client that writes the record. Header names must be UTF-8, and a batch "
    "has at most 16 MiB before compression. The dead letter has the raw bytes.",
    RejectionReason.INVALID_TIMESTAMP: "Let the client set the time in milliseconds since 1970, or no time.",
    RejectionReason.NULL_VALUE: "Send a value. The intake topics do not support deletions.",
    RejectionReason.NOT_JSON: "Send one JSON object in UTF-8, without the prefix of a schema registry.",
    RejectionReason.INVALID_SCHEMA: "Correct the fields that the event names. "
    "docs/schemas/bulk-request.json describes all fields.",
    RejectionReason.UNSUPPORTED_VERSION: "Update rollcall and replay the record (`rollcall dead-letters replay`), "
    "or send an older schema_version.",
    RejectionReason.TOO_LARGE: "Split the recipients into parts, or use `rollcall send`.",
    RejectionReason.INVALID_CONTENT: "Correct the field that the event names. The text must use each secret variable. "
    "A text may be too long for every recipient ([limits](limits.md)).",
    RejectionReason.UNPROCESSABLE: "Read the consumer's log lines. Report a bug, or add the missing sealing key. "
    "The record is in the dead letters.",
    RejectionReason.UNKNOWN_TEMPLATE: "Store it with `rollcall template put` and replay the record "
    "(`rollcall dead-letters replay`), or correct the code.",
    RejectionReason.UNKNOWN_PROVIDER: "Use the name of a provider of the channel (`rollcall providers list`).",
    RejectionReason.TENANT_POLICY: "Add what the event names to the text. `rollcall tenant show` lists the settings of "
    "the tenant ([unsubscribing](unsubscribe.md)).",
    RejectionReason.REPLY_TOPIC_REFUSED: "Create the topic, allow it in ROLLCALL_REPLY_TOPICS, and replay the record "
    "(`rollcall dead-letters replay`).",
    RejectionReason.REQUEST_CONFLICT: "Use a new request id for another body.",
    RejectionReason.PART_REFUSED: "Send the missing recipients as a new request. "
    "All parts must have one record key and arrive in order.",
}

_PROBLEM_TO_DO: Mapping[AddressProblem, str] = {
    AddressProblem.TOO_LONG: "Send one address. It has at most 320 characters.",
    AddressProblem.CONTROL_CHARACTER: "Remove it. Make a recipient of each line.",
    AddressProblem.RIGHT_TO_LEFT: "Type the address again.",
    AddressProblem.NO_DIGIT: "Give a number.",
    AddressProblem.LETTERS: "Remove names and words. Put an extension behind the number, as `ext. 12`.",
    AddressProblem.EXPONENT: "Format the column of the spreadsheet as text, and get the numbers again.",
    AddressProblem.FRACTION: "Format the column of the spreadsheet as text, and get the numbers again.",
    AddressProblem.DATE: "Format the column of the spreadsheet as text, and get the numbers again.",
    AddressProblem.TWO_NUMBERS: "Make a recipient of each number.",
    AddressProblem.TOO_MANY_DIGITS: "Make a recipient of each number.",
    AddressProblem.OTHER_CHARACTER: "Remove it. [Sending](sending.md#phone-numbers) lists the separators.",
    AddressProblem.WRONG_PLACE: "Write `+`, the calling code and the digits.",
    AddressProblem.NO_REGION: (
        "Write `+` and the calling code, or give the [region](sending.md#countries-of-phone-numbers)."
    ),
    AddressProblem.AMBIGUOUS: "Write `+`, the calling code and the digits.",
    AddressProblem.NOT_IN_USE: "Look for a missing or an additional digit. Check the region.",
    AddressProblem.NO_AT_SIGN: "Give an e-mail address. The at sign must not be one of full width.",
    AddressProblem.TWO_ADDRESSES: "Make a recipient of each address.",
    AddressProblem.NAME_OR_QUOTES: "Give the address alone, such as `anna@example.com`.",
    AddressProblem.SPACE: "Remove it.",
    AddressProblem.INVISIBLE_CHARACTER: "Type the address again.",
    AddressProblem.ENCODED_CHARACTER: "Decode the address, for example `%2B` to `+`.",
    AddressProblem.REPLACED_CHARACTER: "Type the address again, with ordinary letters.",
    AddressProblem.NOT_AN_EMAIL: "Look for a missing or an additional character.",
    AddressProblem.UNREACHABLE_DOMAIN: "Use a domain that others can reach, with a dot.",
}

_HTTP_TO_DO: Mapping[int, tuple[str, str]] = {
    200: ("Kafka has the whole request, or the body has the requested data", "Nothing."),
    201: ("the provider of the tenant is stored", "Nothing. It is in use within 10 s."),
    400: ("a field, header or parameter is wrong. The message names it", "Correct it. Nothing was published."),
    401: ("the token is missing or not valid. `WWW-Authenticate` gives the reason", "Get a new token."),
    403: (
        "the token is valid but lacks a scope, a field names another user, or the operator does not allow more",
        "Ask for the scope in the message, or stay within the bound.",
    ),
    404: (
        "the name was not found for this tenant, or is not visible yet",
        "Correct the name. A new request is visible after a consumer has expanded it.",
    ),
    405: ("the route supports other methods. `Allow` names them", "Use one of them."),
    408: ("the body arrived too slowly", "Send it again, faster or in parts."),
    409: (
        "the Idempotency-Key or the name is used already, or a control request is too late. The message has the state",
        "Use a new key for another body, and another name. Messages that were sent cannot be recalled.",
    ),
    413: (
        "the body is larger than ROLLCALL_MAX_BODY_BYTES, or than its route takes",
        "Split the recipients, or use `rollcall send`.",
    ),
    415: ("the body is not plain JSON in UTF-8", "Set `Content-Type: application/json` and do not compress."),
    429: (
        "the token or its tenant makes too many calls per second. The message has the limit",
        "Repeat after `Retry-After`. Nothing was done. Put several recipients into one call.",
    ),
    500: (
        "rollcall has a bug",
        "Repeat with the same Idempotency-Key. Report the log line with this X-Request-Id.",
    ),
    503: (
        "Kafka or MongoDB is unavailable, or the service is overloaded",
        "Repeat after `Retry-After` with `Idempotency-Key: <X-Request-Id>`, because it may have been sent.",
    ),
}

HEAD = """# Errors

Generated by `python docs/generate.py`. The meaning of each code is in `schemas/statuses.py`.

Over HTTP every error is `{"code", "message", "timestamp"}`. `code` is the HTTP status. [Receipts](receipts.md#answers)
has the answers to callbacks of providers. A Kafka record that cannot be used becomes a dead letter. If its request id
can be read, it also becomes `request.rejected` on the results topic. The result of one recipient is the status and
reason of its log and its event.
"""


def errors_page() -> str:
    """Return the page as Markdown."""
    sections = (
        HEAD,
        _table("Status of a delivery", "status", _rows(Status, _STATUS_TO_DO)),
        _table("Reason of a delivery's status", "reason", _rows(Reason, _REASON_TO_DO)),
        _table(
            "Error of an invalid recipient",
            "error",
            ((f"{problem.value}", "`invalid_recipient`", _PROBLEM_TO_DO[problem]) for problem in AddressProblem),
        ),
        _table("Reason of a refused record", "reason", _rows(RejectionReason, _REJECTION_TO_DO)),
        _table(
            "HTTP", "status", ((f"{code} {HTTPStatus(code).phrase}", *texts) for code, texts in _HTTP_TO_DO.items())
        ),
        "## Command line\n\n`--help` of each command lists its exit codes.\n",
    )
    return "\n".join(sections)


def _rows(members: type[DescribedEnum], to_do: Mapping[StrEnum, str]) -> Iterable[tuple[str, str, str]]:
    # A member without an action raises KeyError here, so that the page cannot omit it.
    return ((f"`{member.value}`", member.meaning, to_do[member]) for member in members)  # type: ignore[attr-defined]


def _table(title: str, first: str, rows: Iterable[tuple[str, str, str]]) -> str:
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join([f"## {title}", "", f"| {first} | means | what to do |", "|---|---|---|", *lines, ""])
