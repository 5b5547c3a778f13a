"""Decoding of a record: its bytes become a receipt, or the reason why they are not one."""

from typing import NamedTuple

from pydantic import ValidationError

from consumer.kafka.record import KafkaRecord
from schemas.receipts import Receipt
from schemas.statuses import RejectionReason
from schemas.validation_errors import path_of, read_problems

MAX_RECEIPT_BYTES = 64 * 1024
"""Maximum size of a record, in bytes. A receipt with everything that it may have takes an eighth of it."""
_MAX_FIELDS = 20


class UnusableReceipt(NamedTuple):
    """Reason why a record is not a receipt. It shows no values of the record."""

    reason: RejectionReason
    fields: tuple[str, ...] = ()


def decode_receipt(record: KafkaRecord) -> Receipt | UnusableReceipt:
    """Return the receipt in a record, or the reason why it has none."""
    if record.unparsed:
        return UnusableReceipt(RejectionReason.UNREADABLE)
    if record.value is None:
        return UnusableReceipt(RejectionReason.NULL_VALUE)
    if len(record.value) > MAX_RECEIPT_BYTES:
        return UnusableReceipt(RejectionReason.TOO_LARGE)
    try:
        receipt = Receipt.model_validate_json(record.value)
    except ValidationError as error:
        return _unusable(error)
    if receipt.delivery_id is None and receipt.provider_message_id is None:
        return UnusableReceipt(RejectionReason.INVALID_SCHEMA, ("provider_message_id",))
    return receipt


def _unusable(error: ValidationError) -> UnusableReceipt:
    problems = read_problems(error)
    if problems[0].kind == "json_invalid" or not problems[0].location:
        return UnusableReceipt(RejectionReason.NOT_JSON)
    fields = tuple(dict.fromkeys(path_of(problem.shown_location) for problem in problems))[:_MAX_FIELDS]
    is_newer = any(
        problem.location == ("schema_version",) and problem.kind == "less_than_equal" for problem in problems
    )
    if is_newer:  # it may have fields that this version does not know
        return UnusableReceipt(RejectionReason.UNSUPPORTED_VERSION, ("schema_version",))
    return UnusableReceipt(RejectionReason.INVALID_SCHEMA, fields)


def receipt_id(record: KafkaRecord) -> str:
    """Return the id of the receipt in a record."""
    return f"{record.partition}/{record.offset}/{record.timestamp_ms}"
