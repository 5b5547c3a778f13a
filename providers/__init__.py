"""Providers that hand messages to a gateway or mail server. docs/adding-a-provider.md is the recipe for a new one.

provider.py is the Protocol, draft.py is the delivery that a provider gets, kinds.py the list of kinds, entries.py their
settings, registry.py the configured ones. settings.py and config_file.py read the entries. http.py, smtp.py and
simulator.py are kinds, and simulated_results.py decides for a simulator. vendors/ has the vendors with an HTTP API,
which http_api_provider.py calls. mail_entry.py and http_entry.py have the fields that their entries share, and
outcome_table.py the tables of their codes. result_codes.py maps codes to results, and connection_slots.py bounds
concurrent calls. smtp_pool.py has the queue of e-mails and the connections to a mail server. smtp_pump.py sends over
one of them, smtp_session.py opens it, smtp_wire.py counts its replies, and smtp_replies.py has their meaning.
mail_message.py is one e-mail, mail_body.py encodes its body, mail_headers.py folds its headers, list_unsubscribe.py has
its URIs.
"""
