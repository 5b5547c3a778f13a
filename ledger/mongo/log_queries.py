"""Queries for deliveries as MongoDB's filters, each with the index that serves it."""

from core.ids import log_range
from ledger.mongo.connection import Document
from ledger.queries import LogQuery
from schemas.statuses import WITHOUT_LOG

Sort = list[tuple[str, int]]


def log_filter(query: LogQuery) -> Document:
    """What all deliveries of a query have in common, wherever its page begins."""
    which: Document = {"tenant_id": query.tenant_id}
    if query.user_id is not None:
        which["user_id"] = query.user_id
    if query.key is not None:
        low, high = log_range(query.key)
        which["_id"] = {"$gte": low, "$lt": high}
    if query.channel is not None:
        which["channel"] = query.channel.value
    if query.statuses:
        which["status"] = {"$in": [status.value for status in query.statuses - WITHOUT_LOG]}
    if query.reference is not None:
        which["reference"] = query.reference
    if query.recipient_hashes:
        which["recipient_hash"] = {"$in": list(query.recipient_hashes)}
    bounds = {"$gte": query.accepted_from, "$lt": query.accepted_before}
    if any(bounds.values()):
        which["created_at"] = {name: bound for name, bound in bounds.items() if bound}
    return which


def range_filters(query: LogQuery) -> list[Document]:
    """The filters whose finds, one after the other, give the page: each is one range of its index.

    A filter with "earlier, or at the same time and a higher id" would read all of that time again for every page.
    """
    which, after = log_filter(query), query.after
    if after is None:
        return [which]
    start, end = query.accepted_from, query.accepted_before
    at_once = {**which, "created_at": after.at, "_id": {**which.get("_id", {}), "$gt": after.id}}
    if query.key is not None and after.id.startswith(log_range(query.key)[0]):
        return [at_once]  # all deliveries of a request have one time
    earlier = {"$lt": min(end, after.at) if end else after.at, **({"$gte": start} if start else {})}
    in_bounds = (start is None or start <= after.at) and (end is None or after.at < end)
    return [*([at_once] if in_bounds else []), {**which, "created_at": earlier}]


def index_for(query: LogQuery) -> tuple[str, Sort]:
    """The index that leads to the fewest documents, and the order in which it gives them.

    Named rather than left to the planner, which decides by trying and can try on a day that is not like the others.
    """
    order: Sort = [("created_at", -1), ("_id", 1)]
    if query.key is not None:
        return "_id_", order[1:]
    if query.recipient_hashes:
        return "of_recipient", order
    if query.reference is not None:
        return "of_reference", order
    return ("of_user" if query.user_id is not None else "of_tenant"), order
