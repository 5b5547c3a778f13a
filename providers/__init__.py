"""Providers that hand one message to a gateway or mail server. docs/adding-a-provider.md is the recipe for a new one.

provider.py is the Protocol, kinds.py the list of kinds, entries.py their settings, registry.py the configured ones.
http.py, smtp.py and simulator.py are the kinds. smtp_session.py is one SMTP connection, and mail_message.py one e-mail.
result_codes.py maps response codes to results. connection_slots.py bounds concurrent sends.
settings.py and config_file.py read the entries from the environment or a file.
"""
