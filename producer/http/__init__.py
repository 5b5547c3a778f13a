"""HTTP around the routes: bounds on connections, heads and bodies, request ids, access lines.

protocol.py bounds the bytes before there is a request. request_bodies.py bounds and reads bodies, at a minimum rate
(body_arrival.py) and within the memory of a tenant (tenant_room.py). small_reads.py and unread_output.py bound what a
connection takes in memory. idle_connections.py closes idle ones for new ones, and lingering_transport.py closes after
the last response. body_errors.py describes the problems of a body, and query_names.py an unknown parameter.
middleware.py wraps every request. metrics_server.py serves the metrics on an address of their own.
"""
