"""Background jobs over the ledger.

sweeper.py claims due and unclaimed chunks. unfinished_requests.py completes what no consumer finished.
retention_batches.py erases and deletes old data. tenant_resealing.py seals the providers and keys of tenants with the
newest key. kept_receipts.py settles receipts that came too early. erasure_job.py erases the data of persons.
provider_reports.py tells the ledger which providers work.
"""
