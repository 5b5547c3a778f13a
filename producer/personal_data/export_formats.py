"""Formats of an export: lines of JSON, or one document."""

from collections import Counter
from typing import Protocol

import orjson
from typing_extensions import override

KINDS = ("logs", "suppressions", "consents")
"""Kinds of items of an export, in their order."""


class ExportWriter(Protocol):
    """Format of an export."""

    def begin(self) -> bytes:
        """Return the bytes before the first item."""

    def items(self, name: str, items: list[bytes]) -> bytes:
        """Return items of one kind. Those of a kind follow each other."""

    def end(self, counts: Counter[str]) -> bytes:
        """Return the bytes after the last item. Without them an export is not complete."""


class LineWriter(ExportWriter):
    """Lines of JSON. Each has its `type`, and the last one is `end`."""

    @override
    def begin(self) -> bytes:
        return b""

    @override
    def items(self, name: str, items: list[bytes]) -> bytes:
        kind = orjson.dumps(name.removesuffix("s"))
        return b"".join(b'{"type":%b,%b\n' % (kind, item[1:]) for item in items)

    @override
    def end(self, counts: Counter[str]) -> bytes:
        return orjson.dumps({"type": "end", **{name: counts[name] for name in KINDS}}) + b"\n"


class DocumentWriter(ExportWriter):
    """One JSON document, as in the contract."""

    def __init__(self, timestamp: str) -> None:
        self._timestamp = timestamp
        self._open: str | None = None

    @override
    def begin(self) -> bytes:
        head = {"code": 200, "message": "ok", "timestamp": self._timestamp}
        return orjson.dumps(head)[:-1] + b',"data":{"tokens":[]'

    @override
    def items(self, name: str, items: list[bytes]) -> bytes:
        if not items:
            return b""
        separator = b","
        if self._open != name:
            separator = (b"]," if self._open else b",") + orjson.dumps(name) + b":["
            self._open = name
        return separator + b",".join(items)

    @override
    def end(self, counts: Counter[str]) -> bytes:
        empty = b"".join(b",%b:[]" % orjson.dumps(name) for name in KINDS if not counts[name])
        return (b"]" if self._open else b"") + empty + b"}}"
