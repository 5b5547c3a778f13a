"""Parsing of the pieces of a body. Unknown fields are found before a large recipient is validated.

An error for each unknown field would fill the memory.
"""

from pydantic import TypeAdapter, ValidationError

from producer.bulk.body_pieces import PIECE_BYTES, check_tokens
from producer.errors import BadRequestError
from producer.http.body_errors import check_unique, describe_problems
from schemas.bulk_body import BulkSendRequest, Recipients
from schemas.check_names import check_recipient_names
from schemas.parse_body import parse_body
from schemas.requests import AnyRecipient

_RECIPIENTS = TypeAdapter[list[AnyRecipient]](Recipients)
_SMALL_BYTES = 2 * PIECE_BYTES
"""Size in bytes up to which a piece cannot hold many unknown fields. Only a piece of one recipient is larger."""


def parse_first_piece(first: bytes) -> BulkSendRequest:
    """Return the body with the first few of its recipients. Raises BadRequestError."""
    check_tokens(first, "(body)")
    try:
        body = parse_body(BulkSendRequest, first)
    except ValidationError as error:
        raise BadRequestError(describe_problems(error)) from None
    check_unique(first)
    return body


def parse_recipients(piece: bytes, first: int) -> list[AnyRecipient]:
    """Return the recipients of a piece. The first has position `first` in the body. Raises BadRequestError."""
    check_tokens(piece, f"recipients[{first}]")
    try:
        if len(piece) > _SMALL_BYTES:
            check_recipient_names(piece)
        recipients = _RECIPIENTS.validate_json(piece)
    except ValidationError as error:
        raise BadRequestError(describe_problems(error, first)) from None
    # A duplicate name that was dropped leaves its quotes in the piece. Only a backslash could hide some of them.
    if b"\\" in piece or piece.count(b'"') != 2 * sum(map(_count_strings, recipients)):
        check_unique(piece, first)
    return recipients


def _count_strings(recipient: AnyRecipient) -> int:
    """Return the number of strings in the recipient's JSON, names included."""
    if isinstance(recipient, str):
        return 1
    given = (recipient.reference is not None) + (recipient.region is not None)
    return len(recipient.model_fields_set) + 1 + given + 2 * len(recipient.variables)
