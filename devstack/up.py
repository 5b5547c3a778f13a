"""``make up``: a stack, producer and consumer until Ctrl-C, with lines to copy for a first request."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from devstack.errors import StackError
from devstack.foreground import until_interrupted
from devstack.processes import is_free
from devstack.services import command, service_env, start_both
from devstack.stack import Stack, start_stack

_TENANT = "tnt_demo"
_USER = "usr_demo"
_SCOPES = ("communication:send", "communication:send_as", "communication:read")
_TOKEN_SECONDS = 86_400

_BODY = """{"channel": "sms", "content": "Hello {{name}}",
       "recipients": ["13800000001", {"to": "13800000002", "variables": {"name": "Wei"}}],
       "variables": {"name": "you"}}"""

_WELCOME = """
Kafka      {kafka}
MongoDB    {mongo}
producer   http://127.0.0.1:{http_port}/communication/bulk   (/healthz, /readyz, /metrics)
consumer   http://127.0.0.1:{consumer_port}/readyz   (/healthz, /metrics)
logs       {logs}

A token for tenant {tenant}, good for a day:
{token}

A first request over HTTP:
curl -s http://127.0.0.1:{http_port}/communication/bulk \\
  -H 'Authorization: Bearer {token}' \\
  -H 'Content-Type: application/json' \\
  -d '{body}'

One over Kafka, followed to its roll call:
{exports}
{rollcall} send examples/sms.csv --channel sms --content 'Hello {{{{name}}}}' --tenant {tenant}

What became of a request (its id is in X-Request-Id, or what send prints first):
{rollcall} report REQUEST_ID --tenant {tenant}

Ctrl-C stops it all, and deletes what it kept.
"""


def main() -> int:
    """Run it all until Ctrl-C; exit code 1 when something could not be started or ended by itself."""
    try:
        with (
            until_interrupted() as wait,
            tempfile.TemporaryDirectory(prefix="rollcall-up-") as folder,
            start_stack() as stack,
        ):
            env = service_env(stack, **_usual_ports())
            with start_both(stack, env, Path(folder)) as services:
                print(welcome(stack, env, _token(env), folder), flush=True)
                wait(services)
    except StackError as error:
        print(f"up: {error}", file=sys.stderr)
        return 1
    return 0


def welcome(stack: Stack, env: Mapping[str, str], token: str, logs: str) -> str:
    """The addresses, a token, and the lines to copy."""
    shared = ("KAFKA_BOOTSTRAP", "TOPIC_PREFIX", "MONGO_URL", "MONGO_DATABASE")
    return _WELCOME.format(
        exports="export " + " \\\n  ".join(f"ROLLCALL_{name}='{env['ROLLCALL_' + name]}'" for name in shared),
        kafka=stack.kafka_bootstrap,
        mongo=stack.mongo_url,
        http_port=env["ROLLCALL_HTTP_PORT"],
        consumer_port=env["ROLLCALL_CONSUMER_HTTP_PORT"],
        logs=logs,
        tenant=_TENANT,
        body=_BODY,
        token=token,
        rollcall=Path(".venv/bin/rollcall"),
    )


def _usual_ports() -> dict[str, int]:
    """The documented ports where nobody has them; service_env finds others."""
    usual = {"HTTP_PORT": 8080, "CONSUMER_HTTP_PORT": 8081}
    return {name: port for name, port in usual.items() if is_free(port)}


def _token(env: Mapping[str, str]) -> str:
    scopes = [word for scope in _SCOPES for word in ("--scope", scope)]
    args = ["rollcall", "token", "--tenant", _TENANT, "--user", _USER, "--ttl", str(_TOKEN_SECONDS), *scopes]
    done = subprocess.run(command(args), env=dict(env), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StackError(f"rollcall token ended with exit code {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
