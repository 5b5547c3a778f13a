"""Configuration of a process.

settings.py reads the environment and finds contradictions. logging_setup.py writes log lines as JSON. turn_budget.py
bounds the work in a turn of the event loop, and event_loop_stalls.py measures the longest turn. memory_allocator.py
lets freed memory go back to the system. interpreter.py lets threads take short turns.
"""
