"""Command ``make demo``: a stack, both services, 10,000 SMS and 1,000 simulated e-mails, and the roll call of each."""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from devstack.errors import StackError
from devstack.foreground import until_interrupted
from devstack.processes import Child
from devstack.services import command, service_env, start_both
from devstack.stack import start_stack

_EXAMPLES = Path("examples")
_TENANT = "tnt_demo"

# Slow enough to watch. Some messages are refused, and some are accepted at the second attempt.
_PROVIDERS = [
    {
        "name": "sim-sms",
        "kind": "simulator",
        "channel": "sms",
        "latency_ms": 10,
        "jitter_ms": 20,
        "failure_rate": 0.002,
        "retry_once_suffixes": ["77"],
    },
    {"name": "sim-email", "kind": "simulator", "channel": "email", "latency_ms": 10, "jitter_ms": 20},
]
_ORDERS = (
    ("sms.csv", "--channel", "sms", "--content", "Hello {{name}}, your order {{order}} is on its way."),
    ("newsletter.jsonl", "--channel", "email", "--subject", "News", "--content-file", _EXAMPLES / "newsletter.html"),
)


def main() -> int:
    """Run the demo. Return exit code 0 if every recipient of both requests is accounted for."""
    accounted = False
    try:
        with (
            until_interrupted(),
            tempfile.TemporaryDirectory(prefix="rollcall-demo-") as folder,
            start_stack() as stack,
        ):
            env = service_env(stack, PROVIDERS=_PROVIDERS)
            with start_both(stack, env, Path(folder)):
                results = [_send(order, env) for order in _ORDERS]
                accounted = all(results)
    except StackError as error:
        print(f"demo: {error}", file=sys.stderr)
    print("\nStopped, and deleted its data. `make up` runs a stack for experiments. Both requests together:")
    print(f"all accounted for: {'yes' if accounted else 'no'}")
    return 0 if accounted else 1


def _send(order: tuple[str | Path, ...], env: Mapping[str, str]) -> bool:
    """Send one example and show its progress. Return whether all recipients are accounted for. Some fail on purpose."""
    file, *options = order
    args = ["rollcall", "send", _EXAMPLES / file, *options, "--tenant", _TENANT, "--allow-failed"]
    print("\n$ " + " ".join(_quoted(str(word)) for word in args), flush=True)
    sender = Child(command(args), log=None, env=env)
    try:
        return sender.wait(None) == 0
    finally:
        sender.kill()


def _quoted(word: str) -> str:
    return f"'{word}'" if " " in word else word


if __name__ == "__main__":
    sys.exit(main())
