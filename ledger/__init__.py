"""What happened to whom: requests, chunks and logs in MongoDB, each behind a Protocol with an in-memory twin."""
