"""Bounce mails: the signed return path of each e-mail, and the reports that come back to it.

return_path.py signs and checks. bounce_entry.py has the key in the settings. mail_parts.py takes a mail apart.
delivery_report.py and feedback_report.py read the reports in it, with receipt_tables.py. bounce_reader.py makes
receipts of them.
"""
