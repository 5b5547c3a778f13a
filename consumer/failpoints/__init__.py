"""Failpoints for tests: the process kills itself after a named step.

steps.py names the steps. wrappers.py watches the calls that are these steps.
"""
