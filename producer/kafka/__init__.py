"""Publishing to Kafka: the port in publisher.py, with an implementation on Kafka and one in memory."""
