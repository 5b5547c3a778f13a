"""Delivery of one claimed chunk: logs and events.

wake_up_queue.py holds the wake-up messages that wait for a slot. claim_chunks.py claims, and lease.py times the lease.
deliver.py has the order of the steps, and chunk_worker.py the steps. open_window.py holds the window in work.
chunk_rules.py decides on stop, pause and provider. takeover_decisions.py decides on the window of a previous owner.
send_window.py calls the providers. window_outcomes.py turns results into logs and retries.
delivery_factory.py builds messages and logs. chunk_logs.py writes the logs. event_publisher.py publishes the events.
fenced_writes.py writes to the chunk while it is owned.
"""
