"""MongoDB filters for queries of deliveries, each with its index."""

from core.ids import log_range
from ledger.mongo.connection import Document
from ledger.queries import LogQuery
from schemas.statuses import WITHOUT_LOG

Sort = list[tuple[str, int]]


def log_filter(query: LogQuery) -> Document:
    """Return the filter of all deliveries of a query, independent of its page."""
    filter_: Document = {"tenant_id": query.tenant_id}
    if query.user_id is not None:
        filter_["user_id"] = query.user_id
    if query.key is not None:
        low, high = log_range(query.key)
        filter_["_id"] = {"$gte": low, "$lt": high}
    if query.channel is not None:
        filter_["channel"] = query.channel.value
    if query.statuses:
        filter_["status"] = {"$in": [status.value for status in query.statuses - WITHOUT_LOG]}
    if query.reference is not None:
        filter_["reference"] = query.reference
    if query.recipient_hashes:
        filter_["recipient_hash"] = {"$in": list(query.recipient_hashes)}
    bounds = {"$gte": query.accepted_from, "$lt": query.accepted_before}
    if any(bounds.values()):
        filter_["created_at"] = {name: bound for name, bound in bounds.items() if bound}
    return filter_


def range_filters(query: LogQuery) -> list[Document]:
    """Return the filters whose results, in this order, are the page. Each is one range of its index.

    A single filter for "earlier, or at the same time with a higher id" would read all logs of that time for every page.
    """
    all_logs, after = log_filter(query), query.after
    if after is None:
        return [all_logs]
    start, end = query.accepted_from, query.accepted_before
    same_time = {**all_logs, "created_at": after.at, "_id": {**all_logs.get("_id", {}), "$gt": after.id}}
    if query.key is not None and after.id.startswith(log_range(query.key)[0]):
        return [same_time]  # all deliveries of a request have the same time
    earlier = {"$lt": min(end, after.at) if end else after.at, **({"$gte": start} if start else {})}
    in_bounds = (start is None or start <= after.at) and (end is None or after.at < end)
    return [*([same_time] if in_bounds else []), {**all_logs, "created_at": earlier}]


def index_for(query: LogQuery) -> tuple[str, Sort]:
    """Return the index with the fewest documents for this query, and the sort order of that index.

    The query planner chooses an index by trials. Its choice may rest on unusual data, so the index is given as a hint.
    """
    order: Sort = [("created_at", -1), ("_id", 1)]
    if query.key is not None:
        return "_id_", order[1:]
    if query.recipient_hashes:
        return "of_recipient", order
    if query.reference is not None:
        return "of_reference", order
    return ("of_user" if query.user_id is not None else "of_tenant"), order
