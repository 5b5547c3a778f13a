"""Sending of a recipients file.

send.py has the steps. request_options.py checks the options, and send_request.py encodes the parts.
over_kafka.py and over_http.py send them. dry_run.py and dry_run_outcomes.py estimate the result without sending.
"""
