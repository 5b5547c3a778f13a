"""Background jobs over the ledger.

sweeper.py claims due and unclaimed chunks, and completes unfinished requests. retention.py erases and deletes old data.
"""
