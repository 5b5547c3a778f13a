"""Rejected records in the dead-letter topic.

reader.py reads the topic. show.py prints dead letters. replay.py publishes their records again.
"""
