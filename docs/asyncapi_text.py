"""docs/asyncapi.json: the topics, who writes and reads them, and each record with an example (AsyncAPI 3.0)."""  # noqa: INP001

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
from schemas.topics import DAY_MS, Topics, TopicSpec

Json = dict[str, Any]

_TEXT = {"type": "string"}
_EVENT_HEADERS = {
    "type": "object",
    "description": "CloudEvents 1.0 attributes, and the correlation id of the request where it had one.",
    "properties": {
        "ce_id": {**_TEXT, "description": "same as `event_id`: repeats share it"},
        "ce_type": {**_TEXT, "enum": [kind.value for kind in EventType]},
        "ce_source": {**_TEXT, "const": "rollcall"},
        "ce_specversion": {**_TEXT, "const": "1.0"},
        "ce_time": {**_TEXT, "format": "date-time"},
    },
    "required": ["ce_id", "ce_type", "ce_source", "ce_specversion", "ce_time"],
}
_REQUEST_HEADERS = {
    "type": "object",
    "description": "All optional. The body's `reply_topic` wins over a header.",
    "properties": {
        "reply_to": {**_TEXT, "description": "topic for the result events, if ROLLCALL_REPLY_TOPICS allows it"},
        "correlation_id": {**_TEXT, "description": "comes back on every event"},
        "kafka_replyTopic": {**_TEXT, "description": "as reply_to; Spring Kafka's name"},
        "kafka_correlationId": {**_TEXT, "description": "as correlation_id; Spring Kafka's name, 16 raw bytes"},
        "rollcall_replay_of": {**_TEXT, "description": "set by a replay: where and when its first record stood"},
    },
}
_LETTER_HEADERS = {
    "type": "object",
    "properties": {
        "origin": {**_TEXT, "description": "topic/partition/offset of the record that could not be used"},
        "reason": {**_TEXT, "description": "one of the rejections of docs/errors.md"},
    },
    "required": ["origin", "reason"],
}


@dataclass(frozen=True)
class Message:
    """One kind of record."""

    name: str
    says: str
    model: type[BaseModel] | None
    headers: Json | None = None
    example: Json | None = None
    example_headers: Json | None = None


_EVENTS = (
    Message("deliveryEvent", "How one delivery ended.", DeliveryEvent, _EVENT_HEADERS, examples.DELIVERY),
    Message("requestAccepted", "A part was expanded.", RequestAccepted, _EVENT_HEADERS, examples.ACCEPTED),
    Message("requestRejected", "A record was refused.", RequestRejected, _EVENT_HEADERS, examples.REJECTED),
    Message("requestCompleted", "Nothing is left to attempt.", RequestCompleted, _EVENT_HEADERS, examples.COMPLETED),
)
_REQUEST = Message("bulkRequest", "One part of a request.", BulkRequest, _REQUEST_HEADERS, examples.REQUEST)
_POINTER = Message("chunkPointer", "A wake-up call.", ChunkPointer, None, examples.POINTER)
_RECEIPT = Message("receipt", "What a provider said later.", Receipt, None, examples.RECEIPT)
_LETTER = Message("deadLetter", "The sealed bytes of a record.", None, _LETTER_HEADERS, None, examples.LETTER_HEADERS)


@dataclass(frozen=True)
class Operation:
    """What rollcall does with a topic."""

    name: str
    action: str
    says: str
    topic: str
    key: str
    messages: tuple[Message, ...]


def _operations(topics: Topics) -> tuple[Operation, ...]:
    take, call = "Expand a request into one delivery a recipient.", "Wake a process with a free slot."
    return (
        Operation("takeRequest", "receive", take, topics.requests, "request id", (_REQUEST,)),
        Operation("takeSmallRequest", "receive", take, topics.requests_express, "request id", (_REQUEST,)),
        Operation(
            "publishResult", "send", "Say how deliveries and requests ended.", topics.results, "request id", _EVENTS
        ),
        Operation("callForChunk", "send", call, topics.chunks, "chunk id", (_POINTER,)),
        Operation("callForSmallChunk", "send", call, topics.chunks_express, "chunk id", (_POINTER,)),
        Operation("takeReceipt", "receive", "Move a log forward.", topics.receipts, "provider message id", (_RECEIPT,)),
        Operation(
            "keepDeadLetter", "send", "Keep what cannot be used.", topics.dead_letters, "the original key", (_LETTER,)
        ),
    )


def asyncapi_text() -> str:
    """The document as JSON."""
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
                "Operations are rollcall's own: publish where it receives, subscribe where it sends. "
                "Readers ignore fields and types that they do not know."
            ),
        },
        "defaultContentType": "application/json",
        "channels": {_channel_id(one.topic, topics): _channel(one, specs[one.topic]) for one in operations},
        "operations": {one.name: _operation(one, topics) for one in operations},
        "components": {"messages": {m.name: _message(m) for one in operations for m in one.messages}},
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _channel_id(topic: str, topics: Topics) -> str:
    first, *rest = topic.removeprefix(f"{topics.prefix}.").replace("-", ".").split(".")
    return first + "".join(word.capitalize() for word in rest)


def _channel(operation: Operation, spec: TopicSpec) -> Json:
    limits = {"retention.ms": spec.retention_ms, "max.message.bytes": spec.max_message_bytes}
    return {
        "address": spec.name,
        "description": f"{spec.serves.capitalize()}; key: {operation.key}; kept {spec.retention_ms // DAY_MS} days.",
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
    said: Json = {"name": message.name, "summary": message.says}
    if message.model is None:
        said |= {"contentType": "application/octet-stream", "payload": {"type": "string", "format": "binary"}}
    else:
        mode = "serialization" if issubclass(message.model, PublishedRecord) else "validation"
        schema = message.model.model_json_schema(mode=mode)  # type: ignore[arg-type]  # mypy widens the literal
        inlined = _inline(schema, schema.get("$defs", {}))
        said["payload"] = {"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": inlined}
    if message.headers:
        said["headers"] = message.headers
    example = {"name": message.name, "payload": message.example, "headers": message.example_headers}
    if message.headers is _EVENT_HEADERS and message.example:
        example["headers"] = examples.event_headers(message.example)
    said["examples"] = [{name: value for name, value in example.items() if value is not None}]
    return said


def _inline(node: Any, definitions: Json) -> Any:
    """A schema without `$defs`: references into them would point nowhere inside this document."""
    if isinstance(node, list):
        return [_inline(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        rest = {name: value for name, value in node.items() if name != "$ref"}
        return {**_inline(definitions[node["$ref"].rpartition("/")[2]], definitions), **rest}
    return {name: _inline(value, definitions) for name, value in node.items() if name != "$defs"}
