"""What crosses a boundary: topics, records, HTTP bodies, statuses, reasons, settings, and log lines."""
