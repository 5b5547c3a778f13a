"""Following of a request until it is completed.

event_reader.py reads result events, result_tally.py counts them, and position_set.py finds repeated ones.
intake_position.py finds out whether a request can still be rejected. follow_events.py follows the events, and
watch_ledger.py the ledger. progress.py shows the progress.
"""
