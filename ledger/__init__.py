"""Ledger of requests, chunks and delivery logs. Each store has a Protocol, with MongoDB and in memory behind it."""
