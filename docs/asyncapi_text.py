"""Text of docs/asyncapi.json: the topics, their writers and readers, and each record with an example (AsyncAPI 3.0)."""  # noqa: INP001

import json
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import record_examples as examples
from pydantic import BaseModel

from schemas.receipts import Receipt
from schemas.record_base import PublishedRecord
from schemas.requests import BulkRequest
from schemas.results import (
    ChunkPointer,
    DeliveryEvent,
    EventType,
    RequestAccepted,
    RequestCompleted,
    RequestRejected,
)
from schemas.topic_definitions import DAY_MS, Topics, TopicSpec

Json = dict[str, Any]

_TEXT = {"type": "string"}
_EVENT_HEADERS = {
    "type": "object",
    "description": "CloudEvents 1.0 attributes, and the correlation id of the request if it has one.",
    "properties": {
        "ce_id": {**_TEXT, "description": "the same as `event_id`. A repeat of an event has the same id"},
        "ce_type": {**_TEXT, "enum": [kind.value for kind in EventType]},
        "ce_source": {**_TEXT, "const": "rollcall"},
        "ce_specversion": {**_TEXT, "const": "1.0"},
        "ce_time": {**_TEXT, "format": "date-time"},
    },
    "required": ["ce_id", "ce_type", "ce_source", "ce_specversion", "ce_time"],
}
_REQUEST_HEADERS = {
    "type": "object",
    "description": "All headers are optional. The `reply_topic` in the body takes precedence over a header.",
    "properties": {
        "reply_to": {**_TEXT, "description": "topic for the result events, if ROLLCALL_REPLY_TOPICS allows it"},
        "correlation_id": {**_TEXT, "description": "comes back on every event"},
        "kafka_replyTopic": {**_TEXT, "description": "Spring Kafka's name for reply_to"},
        "kafka_correlationId": {**_TEXT, "description": "Spring Kafka's name for correlation_id, 16 raw bytes"},
        "rollcall_replay_of": {
            **_TEXT,
            "description": "set by a replay: topic, partition, offset and time of the first record",
        },
    },
}
_DEAD_LETTER_HEADERS = {
    "type": "object",
    "properties": {
        "origin": {**_TEXT, "description": "topic/partition/offset of the record that could not be used"},
        "reason": {**_TEXT, "description": "one of the rejections of docs/errors.md"},
        "tenant_id": {**_TEXT, "description": "tenant of the record, if it can be read"},
        "request_id": {**_TEXT, "description": "request id of the record, if it has one that can be read"},
        "fields": {**_TEXT, "description": "fields that caused the rejection, comma-separated"},
    },
    "required": ["origin", "reason"],
}
_REPLAY_NOTE_HEADERS = {
    "type": "object",
    "properties": {
        "rollcall_replayed": {**_TEXT, "description": "partition/offset of the dead letter, in the same partition"},
        "rollcall_replayed_as": {**_TEXT, "description": "topic/partition/offset of the record that was published"},
    },
    "required": ["rollcall_replayed", "rollcall_replayed_as"],
}


@dataclass(frozen=True)
class Message:
    """Kind of record."""

    name: str
    says: str
    model: type[BaseModel] | None
    headers: Json | None = None
    example: Json | None = None
    example_headers: Json | None = None


_EVENTS = (
    Message("deliveryEvent", "The outcome of one delivery.", DeliveryEvent, _EVENT_HEADERS, examples.DELIVERY),
    Message(
        "receiptEvent",
        "A receipt changed the status of a delivery. It has the field `outcome`.",
        DeliveryEvent,
        _EVENT_HEADERS,
        examples.RECEIPT_EVENT,
    ),
    Message("requestAccepted", "A part was expanded.", RequestAccepted, _EVENT_HEADERS, examples.ACCEPTED),
    Message("requestRejected", "A record was refused.", RequestRejected, _EVENT_HEADERS, examples.REJECTED),
    Message("requestCompleted", "Nothing is left to attempt.", RequestCompleted, _EVENT_HEADERS, examples.COMPLETED),
)
_REQUEST = Message("bulkRequest", "One part of a request.", BulkRequest, _REQUEST_HEADERS, examples.REQUEST)
_POINTER = Message("chunkPointer", "A wake-up message for a chunk.", ChunkPointer, None, examples.POINTER)
_RECEIPT = Message("receipt", "A later report of the provider about a message.", Receipt, None, examples.RECEIPT)
_LETTER = Message(
    "deadLetter", "The sealed bytes of a record.", None, _DEAD_LETTER_HEADERS, None, examples.DEAD_LETTER_HEADERS
)
_REPLAY_NOTE = Message(
    "replayNote",
    "A note without bytes: `rollcall dead-letters replay` has published the record of a dead letter again.",
    None,
    _REPLAY_NOTE_HEADERS,
    None,
    examples.REPLAY_NOTE_HEADERS,
)


@dataclass(frozen=True)
class Operation:
    """Operation of rollcall on a topic."""

    name: str
    action: str
    says: str
    topic: str
    key: str
    messages: tuple[Message, ...]


def _operations(topics: Topics) -> tuple[Operation, ...]:
    take, call = "Expand a request into one delivery per recipient.", "Wake a consumer with a free slot."
    return (
        Operation("takeRequest", "receive", take, topics.requests, "request id", (_REQUEST,)),
        Operation("takeSmallRequest", "receive", take, topics.requests_express, "request id", (_REQUEST,)),
        Operation(
            "publishResult",
            "send",
            "Report the outcomes of deliveries and requests.",
            topics.results,
            "request id",
            _EVENTS,
        ),
        Operation("callForChunk", "send", call, topics.chunks, "chunk id", (_POINTER,)),
        Operation("callForSmallChunk", "send", call, topics.chunks_express, "chunk id", (_POINTER,)),
        Operation(
            "takeReceipt",
            "receive",
            "Update the status of a log.",
            topics.receipts,
            "delivery id, or provider message id",
            (_RECEIPT,),
        ),
        Operation(
            "keepDeadLetter",
            "send",
            "Store a record that cannot be used.",
            topics.dead_letters,
            "the original key",
            (_LETTER, _REPLAY_NOTE),
        ),
    )


def asyncapi_text() -> str:
    """Return the document as JSON."""
    topics = Topics()
    specs = {spec.name: spec for spec in topics.specs()}
    operations = _operations(topics)
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "rollcall",
            "version": version("rollcall"),
            "license": {"name": "Apache-2.0"},
            "description": (
                "Bulk SMS and e-mail over Kafka. Topic names begin with ROLLCALL_TOPIC_PREFIX (here the default). "
                "Operations are described from rollcall's side. Publish to a topic that rollcall receives from, "
                "and subscribe to a topic that it sends to. "
                "Readers ignore fields and types that they do not know."
            ),
        },
        "defaultContentType": "application/json",
        "channels": {
            _channel_id(operation.topic, topics): _channel(operation, specs[operation.topic])
            for operation in operations
        },
        "operations": {operation.name: _operation(operation, topics) for operation in operations},
        "components": {"messages": {m.name: _message(m) for operation in operations for m in operation.messages}},
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _channel_id(topic: str, topics: Topics) -> str:
    first, *rest = topic.removeprefix(f"{topics.prefix}.").replace("-", ".").split(".")
    return first + "".join(word.capitalize() for word in rest)


def _channel(operation: Operation, spec: TopicSpec) -> Json:
    limits = {"retention.ms": spec.retention_ms, "max.message.bytes": spec.max_message_bytes}
    days = spec.retention_ms // DAY_MS
    kept = f"{days} day" if days == 1 else f"{days} days"
    return {
        "address": spec.name,
        "description": f"{spec.serves.capitalize()}. Key: {operation.key}. Kept for {kept}.",
        "messages": {m.name: {"$ref": f"#/components/messages/{m.name}"} for m in operation.messages},
        "bindings": {"kafka": {"topic": spec.name, "topicConfiguration": limits, "bindingVersion": "0.5.0"}},
    }


def _operation(operation: Operation, topics: Topics) -> Json:
    channel = f"#/channels/{_channel_id(operation.topic, topics)}"
    return {
        "action": operation.action,
        "summary": operation.says,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{m.name}"} for m in operation.messages],
    }


def _message(message: Message) -> Json:
    document: Json = {"name": message.name, "summary": message.says}
    if message.model is None:
        document |= {"contentType": "application/octet-stream", "payload": {"type": "string", "format": "binary"}}
    else:
        mode = "serialization" if issubclass(message.model, PublishedRecord) else "validation"
        schema = message.model.model_json_schema(mode=mode)  # type: ignore[arg-type]  # mypy widens the literal
        inlined = _inline(schema, schema.get("$defs", {}))
        document["payload"] = {"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": inlined}
    if message.headers:
        document["headers"] = message.headers
    example = {"name": message.name, "payload": message.example, "headers": message.example_headers}
    if message.headers is _EVENT_HEADERS and message.example:
        example["headers"] = examples.event_headers(message.example)
    document["examples"] = [{name: value for name, value in example.items() if value is not None}]
    return document


def _inline(node: Any, definitions: Json) -> Any:
    """Return a schema without `$defs`, because references into them would not resolve inside this document."""
    if isinstance(node, list):
        return [_inline(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        rest = {name: value for name, value in node.items() if name != "$ref"}
        return {**_inline(definitions[node["$ref"].rpartition("/")[2]], definitions), **rest}
    return {name: _inline(value, definitions) for name, value in node.items() if name != "$defs"}
