"""Expansion of one request record into chunks.

expansion_queue.py orders the records. expand.py has the order of the steps. decode.py reads the record.
validate_request.py checks it. content.py finds the text. check_recipients.py normalises the recipients.
exclusions.py decides some of them at once. write_chunks.py stores the chunks.
reject.py keeps a rejected record as a dead letter.
"""
