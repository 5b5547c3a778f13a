"""Authentication of callers by bearer token.

token_verifier.py verifies a token and returns its principal. signing_keys.py finds the key that signed it.
"""
