"""Open windows of claims in MongoDB, and the log ids of their deliveries."""

from collections.abc import Iterable

from core.ids import RequestKey
from tests.support.deployment import Deployment, Document, Service


def open_windows(
    deployment: Deployment, owners: Iterable[Service], key: RequestKey | None = None
) -> dict[str, Document]:
    """Return the open windows of claims of these processes by chunk id, of all requests or of one."""
    pids = "|".join(f"-{service.child.pid}-" for service in owners)
    query: Document = {"open": True, "window": {"$ne": None}, "owner": {"$regex": pids}}
    if key is not None:
        query["request"] = key
    return {chunk["_id"]: chunk["window"] for chunk in deployment.chunks(**query)}


def log_ids_in(windows: dict[str, Document]) -> set[str]:
    """Return the log ids of the deliveries in windows."""
    return {
        f"log_{chunk_id[4:34]}{index:05x}"
        for chunk_id, window in windows.items()
        for first, end in window["ranges"]
        for index in range(first, end)
    }
