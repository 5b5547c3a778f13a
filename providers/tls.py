"""The TLS context of a client."""

import ssl
from pathlib import Path


def client_context(ca_file: Path | None) -> ssl.SSLContext:
    """Certificates are always checked: against the system's authorities, or those in `ca_file` instead."""
    return ssl.create_default_context(cafile=ca_file)
