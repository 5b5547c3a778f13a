"""Decoding of a record: its bytes and headers become a request or a rejection."""

import codecs
import contextlib
import json
import re
from typing import Any

import orjson
from pydantic import ValidationError

from consumer.events import RejectedRecord
from consumer.expand.large_record_ids import read_scalars
from consumer.expand.large_records import LARGE_BYTES
from consumer.kafka.record import KafkaRecord
from ledger.dead_letter_format import REPLAY_HEADER, read_replay_header
from schemas.parse_body import parse_body
from schemas.record_base import SCHEMA_VERSION
from schemas.requests import MAX_PARTS, BulkRequest
from schemas.statuses import RejectionReason
from schemas.topic_definitions import MAX_RECORD_BYTES
from schemas.validation_errors import Problem, path_of, read_problems

_REPLY_HEADERS = ("reply_to", "kafka_replyTopic")
_CORRELATION_HEADERS = ("correlation_id", "kafka_correlationId")
_TOPIC_NAME = re.compile(rb"[A-Za-z0-9._-]{1,249}")
"""Name of a topic in a header, as `TopicName` of schemas/requests.py."""
_MAX_FIELDS = 20
_SHOWN_FIELDS = ("request_id", "tenant_id", "part", "schema_version")


def decode(record: KafkaRecord) -> BulkRequest | RejectedRecord:
    """Return the request in a record, or the rejection if the record is not a valid request."""
    if record.unparsed:
        return RejectedRecord(RejectionReason.UNREADABLE, f"record: {record.unparsed}", is_garbage=True)
    if record.value is None:
        return RejectedRecord(RejectionReason.NULL_VALUE, "record: has no value. Send a JSON object.", is_garbage=True)
    if len(record.value) > MAX_RECORD_BYTES:
        return _too_large(record, record.value)
    try:
        return parse_body(BulkRequest, record.value.removeprefix(codecs.BOM_UTF8))
    except ValidationError as error:
        return _rejection_for(record, error)


def _too_large(record: KafkaRecord, value: bytes) -> RejectedRecord:
    ids = read_scalars(value, ("request_id", "tenant_id"))
    return RejectedRecord(
        RejectionReason.TOO_LARGE,
        "record: is larger than 1 MiB. Split the request into parts.",
        ("(record)",),
        request_id=_id(ids, "request_id", value),
        tenant_id=_id(ids, "tenant_id", value),
        correlation_id=read_correlation(record),
        is_garbage=True,
    )


def unprocessable_rejection(record: KafkaRecord) -> RejectedRecord:
    """Return the rejection of a record that caused internal errors, with the ids that can be read."""
    document = _parse_json_object(record.value or b"") or {}
    return RejectedRecord(
        RejectionReason.UNPROCESSABLE,
        "record: cannot be processed because of an internal error",
        request_id=_id(document, "request_id", record.value or b""),
        tenant_id=_id(document, "tenant_id", record.value or b""),
        part=_part(document),
        correlation_id=read_correlation(record),
        is_garbage=True,
    )


def _rejection_for(record: KafkaRecord, error: ValidationError) -> RejectedRecord:
    problems = read_problems(error)
    is_json = problems[0].kind != "json_invalid"
    value = (record.value or b"").removeprefix(codecs.BOM_UTF8)
    # 1 MiB of small values takes 20 MiB as a document, so that a large value is not parsed again.
    searched = is_json and len(value) > LARGE_BYTES
    document = _search_json_object(value) if searched else _parse_json_object(value)
    correlation_id = read_correlation(record)
    if document is None or not is_json:
        message = "record: must be a JSON object in UTF-8, and must not be nested too deeply"
        request_id = _id(document, "request_id", record.value or b"") if document else None
        return RejectedRecord(
            RejectionReason.NOT_JSON,
            message,
            request_id=request_id,
            tenant_id=_id(document, "tenant_id", record.value or b"") if document else None,
            correlation_id=correlation_id,
            is_garbage=True,
        )
    version = document.get("schema_version")
    newer = isinstance(version, int) and version > SCHEMA_VERSION
    fields = ("schema_version",) if newer else tuple(dict.fromkeys(map(_path, problems)))[:_MAX_FIELDS]
    return RejectedRecord(
        reason=RejectionReason.UNSUPPORTED_VERSION if newer else RejectionReason.INVALID_SCHEMA,
        message=". ".join(f"{_path(problem)}: {_message_of(problem)}" for problem in problems[:3]),
        fields=fields,
        request_id=_id(document, "request_id", record.value or b""),
        tenant_id=_id(document, "tenant_id", record.value or b""),
        part=_part(document),
        correlation_id=correlation_id,
        is_garbage=newer or any(map(_is_structural, problems)),
    )


def _parse_json_object(value: bytes) -> dict[str, Any] | None:
    """Return the fields that a rejection needs, or None if the value is not an object. All others are freed here.

    1 MiB of small values takes 20 MiB as a document, and `_id` may parse it once more.
    """
    try:
        document = orjson.loads(value.removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError:
        return None
    return {name: document.get(name) for name in _SHOWN_FIELDS} if isinstance(document, dict) else None


def _search_json_object(value: bytes) -> dict[str, Any] | None:
    if not value.lstrip().startswith(b"{"):
        return None
    found: dict[str, Any] = dict(read_scalars(value, _SHOWN_FIELDS))
    return found | {name: int(found[name]) for name in ("part", "schema_version") if found.get(name, "").isdecimal()}


def _id(document: dict[str, Any], name: str, source: bytes) -> str | None:
    """Return an id of the caller if it is safe to repeat, else None. `source` is the JSON of the document.

    A number is returned with the characters that the caller wrote. Rounded, it could be another caller's id.
    """
    value = document.get(name)
    if type(value) in (int, float):
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(source, parse_int=str, parse_float=str)[name]
    return value if isinstance(value, str) and 0 < len(value) <= 128 and value.isprintable() else None


def _part(document: dict[str, Any]) -> int | None:
    """Return the number of the part if it can be one, else None. Any other number may be an address."""
    part = document.get("part")
    return part if type(part) is int and 0 <= part < MAX_PARTS else None


def _is_structural(problem: Problem) -> bool:
    """Return whether a record with this problem is not a request. Other problems are values that a caller chose."""
    return problem.kind in {"missing", "extra_forbidden"} or problem.kind.endswith("_type")


def _path(problem: Problem) -> str:
    if not problem.location:
        return problem.message.partition(":")[0] if ":" in problem.message else "(record)"
    return path_of(problem.shown_location)


def _message_of(problem: Problem) -> str:
    if problem.kind == "extra_forbidden":
        return "is not a field of a request" if len(problem.location) == 1 else "is not a field of a recipient"
    return problem.phrase.rpartition(": ")[2].removesuffix(".")


def read_correlation(record: KafkaRecord) -> str | None:
    """Return the correlation id of the caller. The 16 raw bytes of Spring Kafka become hexadecimal digits."""
    value = _header(record, _CORRELATION_HEADERS)
    if not value or len(value) > 200:
        return None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value.hex()
    return text if text.isprintable() else value.hex()


def origin_of_first_publication(record: KafkaRecord) -> tuple[str, int, int, int]:
    """Return topic, partition, offset and timestamp in ms. A replay has those of the first record.

    A caller with write access to the intake can forge this origin. That is no more than to choose a request id.
    """
    first = read_replay_header(_header(record, (REPLAY_HEADER,)) or b"")
    return first or (record.topic, record.partition, record.offset, record.timestamp_ms)


def read_reply_topic(record: KafkaRecord, request: BulkRequest) -> str | RejectedRecord | None:
    """Return the reply topic from the body or a header, or None for the default topic."""
    if request.reply_topic is not None:
        return request.reply_topic
    value = _header(record, _REPLY_HEADERS)
    if value is None:
        return None
    if not _TOPIC_NAME.fullmatch(value):
        message = "reply_topic: must be the name of a topic in the record header. See `reply_topic` of the body."
        return RejectedRecord(RejectionReason.REPLY_TOPIC_REFUSED, message, ("reply_topic",))
    return value.decode()


def _header(record: KafkaRecord, names: tuple[str, ...]) -> bytes | None:
    for name, value in record.headers:
        if name in names and value is not None:
            return value
    return None
