"""Unsubscribing by a link, without a token of a caller.

find_link.py opens the token of a link, and finds its tenant. record.py writes the opt-out. page.py makes the HTML, with
the sentences of sentences.py. route.py has the routes.
"""
