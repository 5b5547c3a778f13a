"""Checked recipients of a record are small."""

import json
import tracemalloc

from schemas.parse_body import parse_body
from schemas.requests import BulkRequest

MANY = 5_000


def test_a_recipient_of_a_record_takes_little_memory() -> None:
    recipients = [{"to": f"{number}"} for number in range(MANY)]
    fields = {"tenant_id": "t1", "channel": "sms", "content": "Hi", "recipients": recipients}
    record = json.dumps(fields).encode()
    parse_body(BulkRequest, record)
    tracemalloc.start()
    try:
        request = parse_body(BulkRequest, record)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(request.recipients) == MANY
    assert taken < MANY * 250


def test_a_recipient_of_a_record_shows_no_address() -> None:
    fields = {"tenant_id": "t1", "channel": "sms", "content": "Hi", "recipients": [{"to": "13800138000"}]}
    (recipient,) = parse_body(BulkRequest, json.dumps(fields).encode()).recipients
    assert "138" not in f"{recipient} {recipient!r}"
