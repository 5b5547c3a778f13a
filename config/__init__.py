"""Configuration of a process.

settings.py reads the environment and finds contradictions. logging_setup.py writes log lines as JSON.
"""
