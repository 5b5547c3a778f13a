"""Bounce mails: the signed return path of each e-mail, and the reports that come back to it.

return_path.py signs and checks. mail_parts.py takes a mail apart. delivery_report.py and feedback_report.py read the
reports in it. bounce_reader.py makes receipts of them.
"""
