"""HTTP service that accepts requests, publishes them to Kafka and answers questions about them.

app.py is the composition root, and server.py runs it.
bulk/ holds POST /communication/bulk: body, checks, idempotency key, publishing, response.
callbacks/ takes the receipts of vendors.
control_routes.py cancels, pauses and resumes. read/ holds the GET and search routes. health_routes.py answers probes.
unsubscribe/ serves the links by which recipients opt out.
ledger_gateway.py reaches MongoDB, which may be unavailable. completion_waiter.py serves `Prefer: wait`.
kafka/ publishes. auth/ verifies tokens. http/ bounds what a client may send. openapi/ describes the service.
"""
