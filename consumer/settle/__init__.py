"""Settling of receipts: the later reports of providers about deliveries (docs/protocol.md).

receipt_queue.py takes the records and settles those that wait together. decode_receipt.py reads a record as a
pending_receipt.py, and match_receipts.py finds its log. settler.py moves the logs, and receipt_events.py publishes the
events. keep_receipts.py keeps what matches no log yet, and the sweeper tries it again. suppress_recipients.py
suppresses whom a receipt asks for. receipt_metrics.py counts all.
"""
