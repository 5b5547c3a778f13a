"""Rules of the product without I/O: functions and values. Time and randomness are passed in.

The watchdog over publishing is the one object that keeps state for as long as a process runs. Its clock is passed in.
"""
