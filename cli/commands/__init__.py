"""Commands and their options, one file per command.

Each command imports its implementation when it runs, so that `--help` is fast.
"""
