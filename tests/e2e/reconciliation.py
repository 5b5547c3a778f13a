"""The books of a request, compared to the last recipient: what was expected, logs, events, chunks, completion."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from core.ids import request_key
from schemas.results import DeliveryEvent, RequestCompleted
from tests.e2e.caller import Results
from tests.support.deployment import Deployment, Document
from tests.support.polling import wait_until

Position = tuple[int, int]
"""(part, index in the part)."""


@dataclass(frozen=True)
class Fate:
    """What must become of one recipient."""

    status: str
    reason: str | None
    recipient: str
    """Masked."""
    attempts: int
    provider: str | None


def roll(deployment: Deployment, request_id: str) -> dict[Position, Document]:
    """The logs of a request by position, straight from MongoDB."""
    found = deployment.database["communication_logs"].find({"request_id": request_id})
    return {(int(log["_id"][-9:-5], 16), int(log["_id"][-5:], 16)): log for log in found}


def as_logged(log: Document) -> Document:
    """Return a log as it was before receipts replaced its reason, error and time."""
    before = log.get("as_logged")
    return log if before is None else {**log, "reason": None, "error": None, **before}


def fates(logs: Mapping[Position, Document]) -> dict[Position, Fate]:
    """What the logs say became of each recipient."""
    return {
        at: Fate(log["outcome"], log.get("reason"), log["recipient"], log["attempts"], log.get("provider"))
        for at, log in logs.items()
    }


async def assert_balanced(deployment: Deployment, results: Results, completed: RequestCompleted, *, total: int) -> None:
    """Events, chunks and the completion say what the logs say, and nobody is missing."""
    logs = roll(deployment, completed.request_id)
    assert len(logs) == total
    events = results.of(DeliveryEvent, completed.request_id)
    told = {(event.part, event.index): shown(event) for event in events}
    differ = [(told.get(at), said(log)) for at, log in sorted(logs.items()) if told.get(at) != said(log)]
    assert not differ, f"{len(differ)} events say something else than their logs, the first: {differ[0]}"
    assert len(events) == total
    counts = tally((log["outcome"], log.get("reason")) for log in logs.values())
    assert (completed.total, completed.by_status, completed.by_reason) == (total, *counts)
    assert completed.incomplete is False
    key = request_key(completed.tenant_id, completed.request_id)
    assert_closed(deployment, key, logs)
    requests = deployment.database["requests"]
    await wait_until(lambda: requests.find_one({"_id": key, "announced": True}))


def assert_closed(deployment: Deployment, key: str, logs: Mapping[Position, Document]) -> None:
    """Every chunk is closed, with its own counts and nothing left to do."""
    names = Counter(":".join(filter(None, (log["outcome"], log.get("reason")))) for log in logs.values())
    summed: Counter[str] = Counter()
    for chunk in deployment.chunks(request=key):
        assert (chunk["open"], chunk["window"], chunk["next"]) == (False, None, None)
        assert chunk["todo"] == chunk["later"] == chunk["decided"] == chunk["unacked"] == []
        assert sum(chunk["counts"].values()) == chunk["size"]
        summed.update(chunk["counts"])
    assert summed == names


def tally(outcomes: Iterable[tuple[str, str | None]]) -> tuple[dict[str, int], dict[str, int]]:
    """(by status, by reason)."""
    pairs = list(outcomes)
    by_reason = Counter(reason for _, reason in pairs if reason is not None)
    return dict(Counter(status for status, _ in pairs)), dict(by_reason)


def shown(event: DeliveryEvent) -> dict[str, Any]:
    """A delivery event as it is compared."""
    fields = ("log_id", "request_id", "tenant_id", "recipient", "provider", "reason", "error", "attempts", "reference")
    settled = {"status": event.status, "channel": event.channel, "at": event.occurred_at}
    return settled | {name: getattr(event, name) for name in fields}


def said(log: Document) -> dict[str, Any]:
    """The log that stands, as the same."""
    fields = ("request_id", "tenant_id", "recipient", "provider", "reason", "error", "attempts", "reference")
    settled = {"status": log["outcome"], "channel": log["channel"], "at": log.get("sent_at") or log["updated_at"]}
    return settled | {"log_id": log["_id"]} | {name: log.get(name) for name in fields}


def stored(deployment: Deployment) -> bytes:
    """Return every document of the deployment as MongoDB stores it."""
    raw: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
    names = deployment.database.list_collection_names()
    collections = [deployment.database.get_collection(name, codec_options=raw) for name in names]
    return b"".join(document.raw for collection in collections for document in collection.find())
