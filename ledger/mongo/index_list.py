"""List of the indexes of all collections, each with the query that it serves. indexes.py creates them."""

from dataclasses import dataclass, field
from typing import Any

from ledger.audit_port import AUDIT_DAYS
from ledger.erasure_port import ERASURE_DAYS


@dataclass(frozen=True, slots=True)
class Index:
    """Index that `rollcall setup` creates."""

    collection: str
    name: str
    keys: tuple[tuple[str, int], ...]
    serves: str
    options: dict[str, Any] = field(default_factory=dict)


KEY_DAYS = 8
"""Retention of an idempotency key in days.

It is longer than the seven days that the intake keeps a record. It is not longer than the minimum retention of a
request. Otherwise a repeated call with the key of a deleted request would send it again.
"""

INDEXES = (
    Index(
        "requests",
        "unfinished",
        (("looked_at", 1),),
        "the sweeper: the request without a published completion that was not looked at for longest",
        {"partialFilterExpression": {"announced": False}},
    ),
    Index(
        "requests",
        "unfinished_of_tenant",
        (("head.tenant_id", 1), ("head.accepted_at", -1), ("_id", 1)),
        "the pending deliveries of a tenant: its requests without a completion, newest first",
        {"partialFilterExpression": {"announced": False}},
    ),
    Index(
        "requests",
        "newest_of_tenant",
        (("head.tenant_id", 1), ("head.accepted_at", -1), ("_id", 1)),
        "the requests of a tenant, newest first",
    ),
    Index(
        "requests",
        "newest_of_user",
        (("head.tenant_id", 1), ("head.user_id", 1), ("head.accepted_at", -1), ("_id", 1)),
        "the requests of a user, newest first",
    ),
    Index(
        "requests",
        "erasable",
        (("completion.completed_at", 1),),
        "retention: the oldest request whose sealed data is not erased",
        {"partialFilterExpression": {"head.sealed_text": {"$exists": True}}},
    ),
    Index(
        "requests",
        "completed",
        (("announced", 1), ("completion.completed_at", 1)),
        "retention: the request that was completed first",
    ),
    Index(
        "chunks",
        "open_in_order",
        (("request", 1), ("_id", 1)),
        "the open chunks of a request (I2), and a page of its pending deliveries",
        {"partialFilterExpression": {"open": True}},
    ),
    *(
        Index(
            collection,
            "due_of_channel",
            (("lane", 1), ("channel", 1), ("fresh", 1), ("sweep_at", 1)),
            "the sweeper: the open chunk of a lane and channel that is due for longest, deferred or never claimed",
            {"partialFilterExpression": {"open": True}},
        )
        for collection in ("requests", "chunks")
    ),
    Index(
        "chunks",
        "duplicates",
        (("request", 1), ("lookup", 1)),
        "the addresses of a part that are in a lower part. It holds only chunks of requests with several parts",
        {"partialFilterExpression": {"lookup": {"$exists": True}}},
    ),
    Index(
        "communication_logs",
        "of_tenant",
        (("tenant_id", 1), ("created_at", -1), ("_id", 1)),
        "the deliveries of a tenant, newest requests first, in request order",
    ),
    Index(
        "communication_logs",
        "of_user",
        (("tenant_id", 1), ("user_id", 1), ("created_at", -1), ("_id", 1)),
        "the deliveries of a user, in the same order",
    ),
    Index(
        "communication_logs",
        "of_recipient",
        (("tenant_id", 1), ("recipient_hash", 1), ("created_at", -1), ("_id", 1)),
        "the deliveries to a recipient",
    ),
    Index(
        "communication_logs",
        "of_reference",
        (("tenant_id", 1), ("reference", 1), ("created_at", -1), ("_id", 1)),
        "the deliveries with a reference of the caller",
        {"partialFilterExpression": {"reference": {"$exists": True}}},
    ),
    Index(
        "communication_logs",
        "resent_of_request",
        (("_id", 1), ("resent_as", 1)),
        "the deliveries of a request that others repeat. It holds only those",
        {"partialFilterExpression": {"resent_as": {"$exists": True}}},
    ),
    Index(
        "communication_logs",
        "of_message",
        (("provider_message_id", 1),),
        "the delivery that a receipt names by the message id of its provider",
        {"partialFilterExpression": {"provider_message_id": {"$exists": True}}},
    ),
    Index(
        "communication_logs",
        "moved_of_request",
        (("moved.request", 1), ("moved.way", 1), ("_id", 1)),
        "the counts of a request after receipts, and its deliveries that they report as failed. It holds only logs "
        "that a receipt moved",
        {"partialFilterExpression": {"moved.request": {"$exists": True}}},
    ),
    Index(
        "receipts",
        "due",
        (("next_try_at", 1),),
        "the sweeper: the kept receipt that is due for longest",
    ),
    Index(
        "templates",
        "of_tenant",
        (("tenant_id", 1), ("code", 1), ("version", -1)),
        "the newest version of a template, and of each template of a tenant",
    ),
    Index(
        "idempotency_keys",
        "forgotten",
        (("created_at", 1),),
        f"the deletion of idempotency keys after {KEY_DAYS} days",
        {"expireAfterSeconds": KEY_DAYS * 86_400},
    ),
    Index(
        "tenants",
        "of_provider",
        (("providers.id", 1),),
        "the tenant of an own provider whose id a callback names. It holds only tenants with own providers",
        {"partialFilterExpression": {"providers.id": {"$exists": True}}},
    ),
    Index(
        "tenants",
        "of_key",
        (("key.id", 1),),
        "the tenant of an unsubscribe link. It holds only tenants with a key",
        {"partialFilterExpression": {"key.id": {"$exists": True}}},
    ),
    Index(
        "provider_states",
        "forgotten",
        (("reported_at", 1),),
        "the deletion of reports of consumers that have ended",
        {"expireAfterSeconds": 86_400},
    ),
    Index(
        "suppressions",
        "ended",
        (("gone_at", 1),),
        "the deletion of addresses a day after their last entry has ended. It holds only those with an end",
        {"expireAfterSeconds": 86_400, "partialFilterExpression": {"gone_at": {"$exists": True}}},
    ),
    Index(
        "erasures",
        "due",
        (("due_at", 1),),
        "the sweeper: the order to erase data that is due for longest. It holds only those that are not finished",
        {"partialFilterExpression": {"due_at": {"$exists": True}}},
    ),
    Index(
        "erasures",
        "of_tenant",
        (("tenant_id", 1), ("before", 1)),
        "each window of a tenant with a key: the orders that concern a request",
    ),
    Index(
        "erasures",
        "forgotten",
        (("gone_at", 1),),
        f"the deletion of finished orders after {ERASURE_DAYS} days",
        {"expireAfterSeconds": ERASURE_DAYS * 86_400, "partialFilterExpression": {"gone_at": {"$exists": True}}},
    ),
    Index(
        "audit",
        "of_tenant",
        (("tenant_id", 1), ("at", -1), ("_id", -1)),
        "the audit log of a tenant, newest entries first",
    ),
    Index(
        "audit",
        "forgotten",
        (("at", 1),),
        f"the deletion of audit entries after {AUDIT_DAYS} days",
        {"expireAfterSeconds": AUDIT_DAYS * 86_400},
    ),
    Index(
        "message_counters",
        "over",
        (("gone_at", 1),),
        "the deletion of counters whose last message is a week old",
        {"expireAfterSeconds": 0},
    ),
    Index(
        "permits",
        "forgotten",
        (("used_at", 1),),
        "the deletion of permits whose day is over",
        {"expireAfterSeconds": 2 * 86_400},
    ),
)
