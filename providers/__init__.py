"""Providers that hand one message to a gateway or mail server. docs/adding-a-provider.md is the recipe for a new one.

vendors/ has the vendors with an HTTP API, which http_api_provider.py calls. mail_entry.py and http_entry.py have the
fields that their entries share, and outcome_table.py the tables of their codes.
provider.py is the Protocol, draft.py is the delivery that a provider gets, kinds.py the list of kinds, entries.py their
settings, registry.py the configured ones.
http.py, smtp.py and simulator.py are the kinds. simulated_results.py decides for a simulator. result_codes.py maps
response codes to results, and smtp_replies.py those of SMTP. connection_slots.py bounds concurrent sends.
smtp_connections.py keeps the SMTP connections, smtp_session.py is one of them, and smtp_protocol.py reads its replies.
mail_message.py is one e-mail, mail_body.py encodes its body, mail_headers.py folds its headers, and list_unsubscribe.py
has the URIs of List-Unsubscribe.
settings.py and config_file.py read the entries from the environment or a file.
"""
