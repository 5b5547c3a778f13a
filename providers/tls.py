"""TLS context for clients."""

import ssl
from functools import cache
from pathlib import Path


def client_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that always verifies certificates: by the system's authorities, or by those in `ca_file`."""
    return _system_context() if ca_file is None else ssl.create_default_context(cafile=ca_file)


@cache
def _system_context() -> ssl.SSLContext:
    """Return the context that all providers without a `ca_file` share.

    Each one would read all authorities, which takes tens of milliseconds and 0.8 MB. Tenants may have a thousand.
    """
    return ssl.create_default_context()
