"""Everything that crosses a boundary: topics, records, HTTP bodies, queries, statuses and reasons."""
