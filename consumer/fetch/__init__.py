"""Reading of record batches that anybody may have written.

parse_batch.py replaces the parser of the Kafka client. It steps over what it cannot parse and inflates within a bound
(inflate.py, parse_record.py). tolerant_consumer.py has the consumer that reads with it. batch_consumer.py
returns the records together that are there.
"""
