"""Command ``make demo``: a stack, both services and a simulator, 10,000 SMS and 1,000 e-mails, and their roll calls.

The simulator reports by signed callbacks what became of each SMS. Some people opt out in between.
"""

import contextlib
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from devstack.demo_people import DemoService, people_at_the_end
from devstack.demo_vendor import DemoVendor
from devstack.errors import StackError
from devstack.foreground import until_interrupted
from devstack.processes import Child
from devstack.services import command, service_env, start_both
from devstack.stack import start_stack

_EXAMPLES = Path("examples")
_TENANT = "tnt_demo"
_MAILS = {"name": "sim-email", "kind": "simulator", "channel": "email", "latency_ms": 10, "jitter_ms": 20}
_SMS = ("sms.csv", "--channel", "sms", "--content", "Hello {{name}}, your order {{order}} is on its way.")
_NEWS = ("newsletter.jsonl", "--channel", "email", "--subject", "News", "--content-file", _EXAMPLES / "newsletter.html")
_OPT_OUTS = 50
_OPT_OUT_AFTER = 1_000
"""Number of SMS that are sent before people opt out."""
_READER = "reader0068@example.com"
"""Reader of the newsletter that opts out before it is sent. The first opt-out of a tenant takes 8 s."""
_RECEIPT_SECONDS = 60


def main() -> int:
    """Run the demo. Return exit code 0 if every recipient of both requests is accounted for."""
    accounted = False
    try:
        with until_interrupted(), tempfile.TemporaryDirectory(prefix="rollcall-demo-") as folder:
            accounted = _run(Path(folder))
    except (StackError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
    print("\nStopped, and deleted its data. `make up` runs a stack for experiments. Both requests together:")
    print(f"all accounted for: {'yes' if accounted else 'no'}")
    return 0 if accounted else 1


def _run(folder: Path) -> bool:
    vendor = DemoVendor()
    with start_stack() as stack:
        env = service_env(stack, PROVIDERS=[vendor.provider, _MAILS], RECEIPTS=[vendor.receipts])
        service = DemoService(env, _TENANT)
        with start_both(stack, env, folder), vendor.running(service.url, env, folder / "simulator.log"):
            with _people_opting_out(service, vendor):
                accounted = _send(_SMS, env)
            request_id = service.newest_request()
            accounted &= _send(_NEWS, env)
            _await_receipts(service, vendor, request_id)
            return accounted & _run_command(env, "report", request_id, "--tenant", _TENANT)


@contextlib.contextmanager
def _people_opting_out(service: DemoService, vendor: DemoVendor) -> Iterator[None]:
    """Let people opt out while messages are sent within the block. Raise OSError at its end if that failed."""
    people = people_at_the_end(_EXAMPLES / "sms.csv", _OPT_OUTS)
    ended, failures = threading.Event(), list[OSError]()

    def opt_out() -> None:
        try:
            service.opt_out("email", [_READER])
            while vendor.taken() < _OPT_OUT_AFTER:
                if ended.wait(0.05):
                    return
            service.opt_out("sms", people)
            print(f"\n{len(people)} people opted out (POST /communication/suppressions).", flush=True)
        except OSError as error:
            failures.append(error)

    thread = threading.Thread(target=opt_out)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    if failures:
        raise failures[0]


def _await_receipts(service: DemoService, vendor: DemoVendor, request_id: str) -> None:
    """Wait until the ledger has all receipts of the vendor. Raises StackError."""
    print("\nThe vendor reports what became of each SMS (POST /communication/callback/gateway).", flush=True)
    end = time.monotonic() + _RECEIPT_SECONDS
    while service.receipts(request_id) != vendor.reported():
        if time.monotonic() > end:
            raise StackError(f"not all receipts arrived within {_RECEIPT_SECONDS} s")
        time.sleep(0.5)


def _send(order: tuple[str | Path, ...], env: Mapping[str, str]) -> bool:
    """Send one example and show its progress. Return whether all recipients are accounted for. Some fail on purpose."""
    file, *options = order
    return _run_command(env, "send", _EXAMPLES / file, *options, "--tenant", _TENANT, "--allow-failed")


def _run_command(env: Mapping[str, str], *words: str | Path) -> bool:
    """Print a command, run it, and return whether its exit code is 0."""
    args = ["rollcall", *words]
    print("\n$ " + " ".join(_quoted(str(word)) for word in args), flush=True)
    child = Child(command(args), log=None, env=env)
    try:
        return child.wait(None) == 0
    finally:
        child.kill()


def _quoted(word: str) -> str:
    return f"'{word}'" if " " in word else word


if __name__ == "__main__":
    sys.exit(main())
