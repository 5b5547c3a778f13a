"""Data about a person that an erasure does not reach, as its answer says it (docs/consent.md)."""

from ledger.audit_port import AUDIT_DAYS
from ledger.erasure_port import ERASURE_DAYS
from schemas.personal_data import RemainingData

REMAINS = [
    RemainingData(what=what, until=until)
    for what, until in (
        ("the plain record of each request in the intake of Kafka", "7 days after the request"),
        ("result events in Kafka, with the masked address and your reference", "7 days after the event"),
        ("receipts in Kafka and in the ledger, with a keyed hash of the recipient", "7 days, and a day"),
        ("sealed dead letters in Kafka", "30 days after the record was refused"),
        ("the oplog of MongoDB", "it is overwritten, by its size"),
        ("backups of MongoDB and Kafka", "they are deleted, by your own plan"),
        ("an opt-out, other suppressions, and consents with their withdrawal, as a keyed hash", "their own end"),
        ("counts of messages to the recipient, as a keyed hash", "a week after the last message that a cap counted"),
        ("this order, as a keyed hash", f"{ERASURE_DAYS} days after its end"),
        ("the entry of the audit log, with a keyed hash", f"{AUDIT_DAYS} days"),
        ("logs with their outcome and a keyed hash", "the retention of their request"),
        ("the sealed text of a request to many", "the retention of addresses and texts"),
        ("data at the providers that took the messages", "their own retention"),
    )
]
"""The retention of topics is that of `rollcall setup`. An operator may have changed it."""
