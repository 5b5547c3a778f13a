"""`rollcall bounces`: receipts from bounce mails in a Maildir, or from an LMTP socket.

run.py starts and stops. mail_reader.py counts the mails and publishes their receipts. maildir.py and lmtp_server.py are
the two ways in.
"""
