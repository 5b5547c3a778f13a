"""In-memory ledger, which passes the same contract suite as the MongoDB ledger.

Every method is one atomic step that never waits, so that a simulation can stop a worker between any two steps. Time is
passed in, so that leases expire without waiting.
"""

from ledger.memory.ledger import MemoryLedger

__all__ = ["MemoryLedger"]
