"""Receipts of vendors: who may send them, and what they say.

receipt_format.py has the port that each vendor's module implements. receipt_kinds.py is the table of the kinds.
"""
