"""A `.env` with fresh secrets: what a first start needs, for a shell and for containers alike."""

import base64
import json
import os
import secrets
import shlex
from pathlib import Path

from cli.errors import CommandError, UsageError

SIMULATORS = (
    {"name": "sim-sms", "kind": "simulator", "channel": "sms"},
    {"name": "sim-email", "kind": "simulator", "channel": "email"},
)
"""Providers that send to nobody: one a channel, so that a first request ends well."""

_SECRET_BYTES = 48
_KEY_BYTES = 32


def environment_text() -> str:
    """The whole file, with secrets made now.

    What is quoted stands in single quotes, which a shell and Docker Compose both take literally; all else is written in
    letters that need none.
    """
    return f"""\
# Settings of rollcall; docs/settings.md has all of them. A shell reads this file with:  set -a; . ./.env; set +a
# Docker Compose reads it by itself. It holds secrets: let nobody read it, and keep it out of version control.

# Where Kafka and MongoDB are. In containers the compose file says so; outside them, remove the # and correct these.
#ROLLCALL_KAFKA_BOOTSTRAP=127.0.0.1:9092
#ROLLCALL_MONGO_URL='mongodb://127.0.0.1:27017/?directConnection=true'

# Opens what MongoDB holds: lose it, and nobody reads addresses and texts again. Newer keys go first: k2:...,k1:...
ROLLCALL_SEALING_KEYS=k1:{base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()}

# Signs and checks the tokens of HTTP callers.
ROLLCALL_JWT_SECRET={secrets.token_urlsafe(_SECRET_BYTES)}

# Whom messages are handed to. Simulators send to nobody: replace them before the first real message.
ROLLCALL_PROVIDERS='{json.dumps(SIMULATORS)}'

# The country of numbers that are written without +.
ROLLCALL_DEFAULT_REGION=CN
"""


def create(path: Path) -> None:
    """Write the file, readable by its owner alone; raises UsageError where something of this name exists."""
    try:
        # Exclusive: neither a file nor what a link points to is ever overwritten, not even by two at once.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(
            f"--file: {path} exists and is not overwritten, since its sealing key may be in use; "
            "move it away, or name another file"
        ) from None
    except OSError as error:
        raise UsageError(f"--file: {path} cannot be written ({error.strerror})") from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(environment_text())
    except OSError as error:
        path.unlink(missing_ok=True)  # half a file would be taken for a whole one
        raise CommandError(f"--file: {path} cannot be written ({error.strerror})") from None


def next_steps(path: Path, program: str) -> str:
    """What to do with the file, as lines to copy."""
    name = str(path)
    in_shell = shlex.quote(name if "/" in name else f"./{name}")  # without a slash a shell looks along its PATH
    for_compose = "docker compose up" if name == ".env" else f"docker compose --env-file {shlex.quote(name)} up"
    return f"""\
wrote {path}: a secret for tokens, a sealing key, a simulator for sms and one for email; only you may read it

with containers
  {for_compose}
without
  set the addresses of Kafka and MongoDB in it, then
  set -a; . {in_shell}; set +a
  {program} setup
  {program} doctor"""
