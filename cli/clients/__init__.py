"""Connections of the command line to other systems.

kafka_client.py and record_publisher.py use Kafka. ledger_client.py opens the ledger in MongoDB.
bulk_endpoint.py calls the HTTP service.
"""
