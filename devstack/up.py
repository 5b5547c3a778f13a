"""Command ``make up``: a stack, producer and consumer until Ctrl-C, with lines to copy for a first request."""

import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from devstack.errors import StackError
from devstack.foreground import Wait, until_interrupted
from devstack.processes import Child, free_port, is_free
from devstack.routes import IN_PROCESS
from devstack.services import command, service_env, start_both
from devstack.stack import Stack, start_stack
from devstack.watched_server import WatchedServer

_TENANT = "tnt_demo"
_USER = "usr_demo"
_SCOPES = ("communication:send", "communication:send_as", "communication:read")
_TOKEN_SECONDS = 86_400
_LAST_PORT = 65_535

_ROLLCALL = ".venv/bin/rollcall"

_BODY = """{"channel": "sms", "content": "Hello {{name}}",
       "recipients": ["13800000001", {"to": "13800000002", "variables": {"name": "Wei"}}],
       "variables": {"name": "you"}}"""

_WELCOME = """
Kafka      {kafka}
MongoDB    {mongo}
producer   http://127.0.0.1:{http_port}/communication/bulk   (/healthz, /readyz, /metrics)
consumer   http://127.0.0.1:{consumer_port}/readyz   (/healthz, /metrics)
processes  {processes}
providers  {providers}
logs       {logs}
{unused}
A token for tenant {tenant}, good for a day:
{token}

A first request over HTTP:
curl -si http://127.0.0.1:{http_port}/communication/bulk \\
  -H 'Authorization: Bearer {token}' \\
  -H 'Content-Type: application/json' \\
  -d '{body}'

One over Kafka, followed to its roll call. The first line has the settings for a shell:
{settings}
{rollcall} send examples/sms.csv --channel sms --content 'Hello {{{{name}}}}' --tenant {tenant}

The results of a request (its id is in X-Request-Id, and send prints it first):
{rollcall} report REQUEST_ID --tenant {tenant}

A second consumer (kill one during a send, and the other continues):
{settings}
ROLLCALL_CONSUMER_HTTP_PORT={spare_port} {rollcall} consumer

Ctrl-C, or SIGTERM, stops everything and deletes its data.
"""


def main() -> int:
    """Run the stack and both services until Ctrl-C. Return exit code 1 if something could not be started."""
    try:
        with (
            until_interrupted() as wait,
            tempfile.TemporaryDirectory(prefix="rollcall-up-") as folder,
            start_stack() as stack,
        ):
            env = service_env(stack, **_ports(os.environ), **_own_providers(os.environ))
            with start_both(stack, env, Path(folder)) as services:
                settings, servers = _settings_file(env, Path(folder)), _watched_servers(stack)
                processes = _process_ids([*servers, *services])
                print(welcome(stack, env, _token(env), settings, processes), flush=True)
                _watch(wait, services, settings, servers)
    except StackError as error:
        print(f"up: {error}", file=sys.stderr)
        return 1
    return 0


def welcome(stack: Stack, env: Mapping[str, str], token: str, settings: Path, processes: str) -> str:
    """Return the addresses, a token, and the lines to copy. `settings` is the file with the services' settings."""
    return _WELCOME.format(
        settings=_read(settings),
        spare_port=free_port(),
        kafka=stack.kafka_bootstrap,
        mongo=stack.mongo_url,
        http_port=env["ROLLCALL_HTTP_PORT"],
        consumer_port=env["ROLLCALL_CONSUMER_HTTP_PORT"],
        processes=processes,
        providers=_providers_line(env),
        logs=settings.parent,
        unused=_unused_line(env),
        tenant=_TENANT,
        body=_BODY,
        token=token,
        rollcall=_ROLLCALL,
    )


def _settings_file(env: Mapping[str, str], folder: Path) -> Path:
    """Write the services' settings to a file for a shell. It contains their keys, so only this user may read it."""
    file = folder / "settings.sh"
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in env.items() if name.startswith("ROLLCALL_")]
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.writelines(lines)
    return file


def _read(settings: Path) -> str:
    return f". {shlex.quote(str(settings))}"


def _own_providers(environment: Mapping[str, str]) -> dict[str, str | None]:
    """Return the providers of the caller's environment, as settings that replace the simulators."""
    names = [name for name in ("PROVIDERS", "PROVIDERS_FILE") if environment.get(f"ROLLCALL_{name}", "").strip()]
    if not names:
        return {}
    own: dict[str, str | None] = {"PROVIDERS": None}
    for name in names:
        value = environment[f"ROLLCALL_{name}"]
        # The settings are also read in other shells, with other current folders.
        own[name] = str(Path(value).absolute()) if name == "PROVIDERS_FILE" else value
    return own


def _providers_line(env: Mapping[str, str]) -> str:
    own = {f"ROLLCALL_{name}" for name in _own_providers(os.environ)} & env.keys()
    name = next((name for name in ("ROLLCALL_PROVIDERS_FILE", "ROLLCALL_PROVIDERS") if name in own), None)
    if name is None:
        return "simulators. Nothing leaves this machine. Set ROLLCALL_PROVIDERS_FILE to use your own."
    origin = f"{name}={env[name]}" if name == "ROLLCALL_PROVIDERS_FILE" else name
    return f"yours, from {origin}. What you send now really leaves this machine."


def _unused_line(env: Mapping[str, str]) -> str:
    """Return a line with the caller's settings that `env` lacks, without their values. Empty if there is none."""
    names = sorted(name for name in os.environ.keys() - env.keys() if name.startswith("ROLLCALL_"))
    return f"not used   {', '.join(names)}. docs/deployment.md tells how to try a setting.\n" if names else ""


def _watched_servers(stack: Stack) -> list[WatchedServer]:
    named = {"Kafka": stack.kafka, "MongoDB": stack.mongo}
    return [WatchedServer(name, route) for name, route in named.items() if route and route.kind != IN_PROCESS]


def _process_ids(every: Sequence[WatchedServer | Child]) -> str:
    return ", ".join(f"{one.name} {one.pid}" for one in every if one.pid is not None)


def _watch(wait: Wait, services: Sequence[Child], settings: Path, servers: Sequence[WatchedServer] = ()) -> None:
    """Wait until Ctrl-C, also if a process is killed. The others continue, so that their work can be observed."""
    running, servers_left = list(services), list(servers)
    while True:
        with contextlib.suppress(StackError):
            wait([*running, *servers_left])
        for server in [server for server in servers_left if server.exit_code() is not None]:
            servers_left.remove(server)
            print(f"\n{server.how_to_continue()}", flush=True)
        for child in [child for child in running if child.exit_code() is not None]:
            running.remove(child)
            print(
                f"\n{child.name} ended with exit code {child.exit_code()}. Its log: {child.log}\n"
                f"Everything else continues. To start it again in another shell:\n"
                f"{_read(settings)}\n{Path(_ROLLCALL).parent}/{child.name}",
                flush=True,
            )


def _ports(environment: Mapping[str, str]) -> dict[str, int]:
    """Return those of the caller's ports, or else of the documented ports, that are free. service_env finds others."""
    ports = {}
    for name, usual in (("HTTP_PORT", 8080), ("CONSUMER_HTTP_PORT", 8081)):
        text = environment.get(f"ROLLCALL_{name}", "").strip() or str(usual)
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _LAST_PORT:
            raise StackError(f"ROLLCALL_{name}: must be a port, from 1 to {_LAST_PORT}. Correct it, or unset it.")
        if is_free(int(text)):
            ports[name] = int(text)
    return ports


def _token(env: Mapping[str, str]) -> str:
    scopes = [word for scope in _SCOPES for word in ("--scope", scope)]
    args = ["rollcall", "token", "--tenant", _TENANT, "--user", _USER, "--ttl", str(_TOKEN_SECONDS), *scopes]
    done = subprocess.run(command(args), env=dict(env), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StackError(f"rollcall token ended with exit code {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
