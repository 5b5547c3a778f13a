"""TLS context for clients."""

import ssl
from pathlib import Path


def client_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that always verifies certificates: by the system's authorities, or by those in `ca_file`."""
    return ssl.create_default_context(cafile=ca_file)
