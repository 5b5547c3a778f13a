"""Stand-in for a gateway and a mail server: `rollcall simulator`.

run.py starts and stops both servers. http_server.py and smtp_server.py take messages. receiver.py answers them as
configured. received.py keeps the latest messages, and page.py shows them in a browser.
"""
