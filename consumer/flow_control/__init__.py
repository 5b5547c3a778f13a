"""Limits for the work of one process.

slots.py bounds the running chunks. handover.py gives a small request a slot of its own process. byte_room.py bounds the
bytes of chunks and messages. rate_limit.py keeps the rate of a provider. lane_priority.py lets bulk work wait for
express requests. circuit_breaker.py stops an intake topic with too much garbage. reply_topic_health.py remembers the
reply topics that take no events.
"""
