"""The ledger in memory: the twin of MongoDB's that the same contract suite holds to the same promises.

Every method is one atomic step that never waits, so that a simulation can stop a worker between any two of them. Time
is passed in, so that leases lapse without waiting.
"""

from ledger.memory.ledger import MemoryLedger

__all__ = ["MemoryLedger"]
