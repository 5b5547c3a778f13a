"""The HTTP service that accepts requests, answers questions about them and publishes them to Kafka.

app.py is the composition root, server.py runs it.
bulk/ holds POST /communication/bulk: body, checks, idempotency key, publishing, answer.
control_routes.py cancels, pauses and resumes. read/ holds the GET and search routes. health_routes.py answers probes.
ledger_gateway.py reaches MongoDB, which may be away. kafka/ publishes. completion_waiter.py serves `Prefer: wait`.
auth/ verifies tokens. http/ bounds what a client may send. openapi/ describes the service.
"""
