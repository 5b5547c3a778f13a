"""The ledger in MongoDB. Nothing outside this folder knows the driver."""

from ledger.mongo.ledger import MongoLedger

__all__ = ["MongoLedger"]
