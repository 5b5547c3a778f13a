"""Callbacks with receipts, signed as each vendor signs its own.

signed_call.py has the types, and vendors.py the table of formats. Each other module has the format of one vendor, with
the codes of its page for each outcome. providers/receipts/ names the pages and checks what is signed here.
"""
