"""`POST /communication/callback/{provider}`: receipts of vendors, from the call to the records in Kafka.

route.py has the order of the steps, and callback.py makes a Callback of the call. sources.py knows the keys of each
provider, and tenant_sources.py those of the providers that tenants manage themselves. check_caller.py checks who calls.
receipt_records.py makes the records, and publish.py publishes them. counts.py counts what came of a call.
route_description.py completes the OpenAPI document.
"""
