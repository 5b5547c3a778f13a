"""A `.env` file with new secrets for a first start, readable for a shell and for Docker Compose."""

import base64
import json
import os
import secrets
import shlex
from pathlib import Path

from cli.errors import CommandError, UsageError
from schemas.regions import known_region

SIMULATORS = (
    {"name": "sim-sms", "kind": "simulator", "channel": "sms"},
    {"name": "sim-email", "kind": "simulator", "channel": "email"},
)
"""Providers that send nothing, one per channel, so that a first request succeeds."""

METRICS_PORT = 9464
"""Port of the producer's metrics. It is the usual one of exporters for Prometheus of OpenTelemetry."""
_SECRET_BYTES = 48
_KEY_BYTES = 32


def checked_region(region: str) -> str | None:
    """Return the country code, or None for an empty answer. Raises UsageError if the country is not known."""
    try:
        return known_region(region.strip()) if region.strip() else None
    except ValueError as error:
        raise UsageError(f"--region: {error}.") from None


def environment_text(region: str | None) -> str:
    """Return the whole file, with new secrets. `region` is the country of phone numbers without plus.

    Quoted values are in single quotes, which a shell and Docker Compose both take literally. All other values consist
    of characters that need no quotes.
    """
    return f"""\
# Settings of rollcall. docs/settings.md lists all of them. A shell reads this file with:  set -a; . ./.env; set +a
# Docker Compose reads it without a command. It holds secrets: keep it private and out of version control.

# Addresses of Kafka and MongoDB. In containers the compose file sets them. Elsewhere remove the # and correct them.
#ROLLCALL_KAFKA_BOOTSTRAP=127.0.0.1:9092
#ROLLCALL_MONGO_URL='mongodb://127.0.0.1:27017/?directConnection=true'

# Encrypts addresses and texts in MongoDB. They cannot be read without this key. Newer keys go first: k2:...,k1:...
ROLLCALL_SEALING_KEYS=k1:{base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()}

# Signs and checks the tokens of HTTP callers.
ROLLCALL_JWT_SECRET={secrets.token_urlsafe(_SECRET_BYTES)}

# Port of the producer's metrics, on 127.0.0.1. Without it they are on the port of the API, for every caller.
ROLLCALL_METRICS_PORT={METRICS_PORT}

# Providers that send the messages. Simulators send nothing: replace them before the first real message.
ROLLCALL_PROVIDERS='{json.dumps(SIMULATORS)}'

# Country (ISO 3166) of phone numbers that are written without +. If it is not set, such numbers are not valid, unless
# a request or a recipient has a region.
{_region_line(region)}
"""


def _region_line(region: str | None) -> str:
    return f"ROLLCALL_DEFAULT_REGION={region}" if region else "#ROLLCALL_DEFAULT_REGION="


def write_environment_file(path: Path, region: str | None) -> None:
    """Write the file so that only its owner can read it. Raises UsageError if the path exists."""
    try:
        # O_EXCL never overwrites a file or the target of a link, even if two processes run at the same time.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(
            f"--file: {path} exists and is not overwritten, because its sealing key may be in use. "
            "Move it away, or name another file."
        ) from None
    except OSError as error:
        raise UsageError(f"--file: {path} cannot be written ({error.strerror}).") from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(environment_text(region))
    except OSError as error:
        path.unlink(missing_ok=True)  # an incomplete file looks like a complete one
        raise CommandError(f"--file: {path} cannot be written ({error.strerror}).") from None


def next_steps(path: Path, program: str, region: str | None) -> str:
    """Return the next steps as lines to copy, after a sentence about numbers without plus."""
    name = str(path)
    in_shell = shlex.quote(name if "/" in name else f"./{name}")  # without a slash a shell searches its PATH
    for_compose = "docker compose up" if name == ".env" else f"docker compose --env-file {shlex.quote(name)} up"
    numbers = (
        f"are read as numbers of {region}"
        if region
        else "are not valid, until ROLLCALL_DEFAULT_REGION in the file names their country"
    )
    return f"""\
wrote {path}: a token secret, a sealing key, a simulator for sms and one for email. Only you can read it.
Phone numbers without + {numbers}.

with containers
  {for_compose}
without containers
  set the addresses of Kafka and MongoDB in the file, then run
  set -a; . {in_shell}; set +a
  {program} setup
  {program} doctor"""
