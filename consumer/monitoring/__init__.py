"""Monitoring of one process.

readiness.py tracks progress, and http_server.py serves health, readiness and metrics. metrics.py and
receipt_metrics.py list the metrics, and histogram.py is a fast histogram. provider_watch.py logs the failures of the
providers.
"""
