"""`POST /communication/bulk`, from the call to the response.

route.py has the order of the steps. call.py reads the headers, and prefer_header.py the header `Prefer`.
prepare_request.py turns the body into records with body_pieces.py, parse_pieces.py and check_content.py.
idempotency.py and fingerprint.py handle `Idempotency-Key`. publish.py publishes the records.
accepted_response.py and wait_response.py build the response. route_description.py completes the OpenAPI document.
"""
