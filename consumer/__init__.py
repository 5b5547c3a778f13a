"""Consumer: the service that expands requests, delivers their chunks and publishes the results.

app.py builds one process, and service.py runs it. group_membership.py joins the Kafka groups of subscribers.py.
expand/ turns a request record into chunks. deliver/ sends claimed chunks. sweep/ has the background jobs.
fetch/ reads what Kafka returns, whatever its bytes. kafka/ has the bus and the offsets. flow_control/ limits work.
billing/ counts what SMS cost. monitoring/ has readiness and metrics. dead_letters.py keeps records.
context.py holds what all parts share, settings.py the settings, provider_caller.py the calls to providers.
request_lifecycle.py applies control flags and completes requests. publish_results.py publishes events.py.
request_cache.py keeps opened requests. failpoints/ kills the process in tests. logger.py is the logger.
"""
