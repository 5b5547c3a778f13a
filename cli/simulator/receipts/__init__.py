"""Receipts of the messages that the simulator took: planned for each message, and posted when they are due.

behaviour.py has the settings and plan.py the receipts of one message. waiting.py keeps them until they are due.
receipt_sender.py posts them, and counts.py counts what came of it.
"""
