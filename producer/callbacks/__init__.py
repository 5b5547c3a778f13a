"""Calls of vendors: `POST /communication/callback/{provider}` with receipts, and `.../inbound/{provider}` with SMS.

accept_call.py accepts a call for both, and callback.py makes a Callback of it. sources.py knows the keys of each
provider, and tenant_sources.py those of the providers that tenants manage themselves. check_caller.py checks who calls.
route.py has the steps of receipts. receipt_records.py makes the records, and publish.py publishes them.
inbound_route.py has the steps of SMS from people, and opt_outs.py their effect. counts.py counts what came of a call.
route_description.py completes the OpenAPI document.
"""
