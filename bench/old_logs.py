"""Logs that are already there before a run: documents of the product's shape, with random addresses."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from core.ids import RequestKey, log_ids, request_key
from devstack import Stack

TENANT_LOGS = 10_000
"""Logs of each tenant. More logs are more tenants, so that a query of one tenant has the same work."""
_REQUEST_LOGS = 1_000
_HASH_BYTES = 16
_NEWEST = datetime(2026, 1, 1, tzinfo=UTC)


def tenant(number: int) -> str:
    """Return the name of a tenant with old logs."""
    return f"tnt_old_{number}"


def fill(stack: Stack, database: str, logs: int) -> None:
    """Write this many logs, and wait until MongoDB has them in its data files. The number is rounded to requests."""
    with MongoClient[dict[str, Any]](stack.mongo_url) as client:
        fast = client[database].get_collection("communication_logs", write_concern=WriteConcern(w=1, j=False))
        for number in range(logs // _REQUEST_LOGS):
            fast.insert_many(_request(number), ordered=False)
        # A checkpoint of these writes would otherwise slow the first measurement.
        client.admin.command("fsync")


def _request(number: int) -> Iterator[dict[str, Any]]:
    """Yield the logs of one old request."""
    owner, name = tenant(number * _REQUEST_LOGS // TENANT_LOGS), f"old-{number}"
    key: RequestKey = request_key(owner, name)
    moment = _NEWEST - timedelta(minutes=number)
    hashes = os.urandom(_HASH_BYTES * _REQUEST_LOGS)
    shared = {
        "tenant_id": owner,
        "request_id": name,
        "channel": "sms",
        "status": "sent",
        "outcome": "sent",
        "attempts": 1,
        "created_at": moment,
        "updated_at": moment,
        "user_id": "usr_old",
        "provider": "sim-sms",
        "sent_at": moment,
    }
    for at, log in enumerate(log_ids(key, 0, range(_REQUEST_LOGS))):
        yield {
            "_id": log,
            **shared,
            "recipient": f"138****{at:04d}",
            "recipient_hash": hashes[at * _HASH_BYTES : (at + 1) * _HASH_BYTES],
            "provider_message_id": f"sim-{log}",
        }
