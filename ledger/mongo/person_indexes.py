"""Indexes of the orders to erase the data of persons, and of the audit log."""

from ledger.audit_port import AUDIT_DAYS
from ledger.erasure_port import ERASURE_DAYS
from ledger.mongo.index import Index

PERSON_INDEXES = (
    Index(
        "erasures",
        "due",
        (("due_at", 1),),
        "the sweeper: the order to erase data that is due for longest. It holds only those that are not finished",
        {"partialFilterExpression": {"due_at": {"$exists": True}}},
    ),
    Index(
        "erasures",
        "forgotten",
        (("gone_at", 1),),
        f"the deletion of finished orders after {ERASURE_DAYS} days",
        {"expireAfterSeconds": ERASURE_DAYS * 86_400, "partialFilterExpression": {"gone_at": {"$exists": True}}},
    ),
    Index(
        "erasures",
        "of_tenant",
        (("tenant_id", 1), ("before", 1)),
        "each window of a tenant with a key: the orders that concern a request",
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
)
