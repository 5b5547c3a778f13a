"""Delivery of one claimed chunk: logs and events.

wake_up_queue.py holds the wake-up messages that wait for a slot. claim.py claims chunks, and lease.py times the lease.
deliver.py is the story of a chunk, and chunk_worker.py has its steps. takeover.py handles the previous owner's window.
send_window.py calls the providers. delivery_factory.py builds messages and logs.
"""
