"""All stored documents and published records of one installation, as JSON that is the same in every run.

Bytes that were sealed are opened here by the documented layout and not by the code of the product, so that a changed
layout is a difference too. Values that chance or the clock decides are replaced by a word in angle brackets.
"""

import base64
import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from bson.int64 import Int64
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.ids import RequestKey, chunk_id
from tests.support.deployment import Deployment, Document

KEY_ID, KEY = "fixed", bytes(range(32))
SEALING_KEYS = f"{KEY_ID}:{base64.b64encode(KEY).decode()}"

_SEALED = bytes([len(KEY_ID)]) + KEY_ID.encode()
_NONCE_BYTES = 12
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_PLACE = re.compile(r"(<house>\.bulk\.requests(?:\.express)?[./]\d+[./])\d+")
_OF_PROCESSES = {"provider_states"}
"""Collections whose documents have the names of processes."""
_WORDING = {"error", "response", "message"}
_BY_CHANCE = {"fence", "timestamp_ms"}
"""How often a chunk was claimed, and when Kafka took a record. Both depend on the speed of the machine."""
_COUNTS = {"by_status", "by_reason"}

Sections = dict[str, list[Any]]
"""Documents or records under the name of what they are."""


class Dump:
    """The dump of one installation. Times that the requests themselves name are kept."""

    def __init__(self, deployment: Deployment, known_times: Iterable[str]) -> None:
        self._deployment = deployment
        self._known = {moment[:19] for moment in known_times}

    def documents(self, *collections: str, choose: Callable[[Document], bool] = bool) -> Sections:
        """Return the chosen documents of the collections, each document with its fields in order of their names."""
        database = self._deployment.database
        return {
            name: [_sorted(self.plain(one, one["_id"])) for one in database[name].find().sort("_id", 1) if choose(one)]
            for name in collections or sorted(set(database.list_collection_names()) - _OF_PROCESSES)
        }

    def indexes(self) -> Sections:
        """Return every index with its keys in order, and its options."""
        database = self._deployment.database
        return {
            f"indexes of {name}": [[index, _sorted(said)] for index, said in sorted(found.items())]
            for name in sorted(database.list_collection_names())
            if (found := database[name].index_information())
        }

    async def records(self, *topics: str, key: bytes | None = None) -> list[Document]:
        """Return all records of the topics, or those of one key.

        Repeats of a record are left out, because delivery is at least once.
        """
        records = await read_all(self._deployment.bootstrap, topics)
        found = [self._record(record) for record in records if key in {None, record.key}]
        unique = {json.dumps([one["topic"], one["key"], one], ensure_ascii=False): one for one in found}
        return [unique[text] for text in sorted(unique)]

    def _record(self, record: ConsumerRecord) -> Document:
        return {
            "topic": self.plain(record.topic),
            "partition": record.partition,
            "key": record.key and self.plain(record.key.decode()),
            "headers": [[name, self.plain(value.decode())] for name, value in record.headers],
            "value": self._value(record.value),
        }

    def _value(self, value: bytes) -> Any:
        return self.plain(value, "dead letter") if value.startswith(_SEALED) else self.plain(json.loads(value))

    def plain(self, value: Any, place: str = "", name: str = "") -> Any:
        """Return a value as JSON, without what differs from run to run. `place` is the name it was sealed under."""
        match value:
            case dict():
                inner = {key: self.plain(one, place, key) for key, one in value.items()}
                return _sorted(inner) if name in _COUNTS else inner
            case list():
                return [self.plain(one, place) for one in value]
            case bytes():
                if not value.startswith(_SEALED):
                    return {"$bytes": value.hex()}
                # The chunk of a small request is in its document, and sealed under its own id.
                in_request = name == "sealed" and not place.startswith("chk_")
                return {"$sealed": self._open(value, chunk_id(RequestKey(place), 0, 0) if in_request else place)}
            case datetime():
                return {"$date": self._text(value.astimezone(UTC).isoformat(), name)}
            case int() if name in _BY_CHANCE and value:
                return "<number>"
            case Int64():
                return {"$long": int(value)}
            case str():
                return self._text(value, name)
        return value

    def _text(self, value: str, name: str) -> str:
        if value and name in _WORDING:
            return "<text>"
        if name == "owner":
            return "<owner>"
        value = value.replace(self._deployment.topics.prefix, "<house>")
        value = _TIME.sub(lambda found: found[0] if found[0][:19] in self._known else "<time>", value)
        return _PLACE.sub(r"\1<offset>", value)

    def _open(self, sealed: bytes, place: str) -> Any:
        nonce, cipher = sealed[len(_SEALED) :][:_NONCE_BYTES], sealed[len(_SEALED) + _NONCE_BYTES :]
        try:
            opened = AESGCM(KEY).decrypt(nonce, cipher, place.encode())
        except InvalidTag:
            return f"cannot be opened as {place}"
        if place != "dead letter":
            return self.plain(json.loads(opened))
        end = 4 + int.from_bytes(opened[:4], "big")
        return [self.plain(json.loads(opened[4:end])), opened[end:].decode()]


def as_text(sections: Sections) -> str:
    """Return JSON with one document or record a line."""
    lists = (",\n".join(json.dumps(one, ensure_ascii=False) for one in entries) for entries in sections.values())
    return (
        "{\n" + ",\n".join(f"{json.dumps(n)}: [\n{each}\n]" for n, each in zip(sections, lists, strict=True)) + "\n}\n"
    )


def _sorted(document: Document) -> Document:
    """Return the same fields in the order of their names, inner documents included."""
    return {name: _sorted(value) if isinstance(value, dict) else value for name, value in sorted(document.items())}


async def read_all(bootstrap: str, topics: Iterable[str]) -> list[ConsumerRecord]:
    """Return every record that the topics hold now."""
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest") as consumer:
        await consumer._client.force_metadata_update()
        partitions = [TopicPartition(t, p) for t in topics for p in consumer.partitions_for_topic(t) or ()]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        found: list[ConsumerRecord] = []
        for partition, end in ends.items():
            while await consumer.position(partition) < end:
                found += (await consumer.getmany(partition, timeout_ms=1_000)).get(partition, [])
        return found
