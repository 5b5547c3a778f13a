"""MongoDB ledger. Only this folder imports the driver."""

from ledger.mongo.ledger import MongoLedger

__all__ = ["MongoLedger"]
