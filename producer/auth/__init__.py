"""Authentication of callers by bearer token.

caller_gate.py lets callers in at their rate, which rate_limit.py counts. token_verifier.py verifies a token and returns
its principal. signing_keys.py finds the key that signed it.
"""
