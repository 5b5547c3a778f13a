"""Batched vendor: the kind `sendgrid`, which sends many e-mails in a call, against the simulator."""

import os
import sys

from bench.mails import SENDER, SIMULATOR, MailProgram, mail_work
from bench.programs import WARM_UP_RECIPIENTS
from bench.scenario import Figures, Goal, Place, Scenario, Size
from bench.slow_gateway import count_answers
from devstack.processes import free_port
from devstack.services import start_service

_LATENCY_MS = 50
_TEXT_BYTES = 100
_VENDOR, _SIMULATOR = "vendor", "simulator"


def run(place: Place, recipients: int) -> Figures:
    """Measure both providers, one after the other, and count the calls of the vendor."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    account = {"name": "account", "kind": "sendgrid", "base_url": url, "api_key": "SG.bench", "sender": SENDER}
    sides = [MailProgram(_VENDOR, provider=account), MailProgram(_SIMULATOR, provider=SIMULATOR)]
    warm_up, work = mail_work("warm", WARM_UP_RECIPIENTS, _TEXT_BYTES), mail_work("run", recipients, _TEXT_BYTES)
    command = [sys.executable, "-m", "bench.slow_gateway", str(port), str(_LATENCY_MS)]
    figures: dict[str, float] = {}
    rates = {}
    with start_service(command, os.environ, url, log=place.folder / "vendor.log"):
        for side in sides if place.is_odd else reversed(sides):
            found = side.measure(place, warm_up, work)
            rates[side.name] = found.rate
            figures[f"{side.name}, mails/s"] = found.rate
            figures[f"{side.name}, µs of CPU a mail"] = found.cpu_seconds / recipients * 1e6
        calls = count_answers(url)
    return {
        **figures,
        "calls per 1,000 mails": calls / (warm_up.number + work.number) * 1_000,
        "vendor / simulator": rates[_VENDOR] / rates[_SIMULATOR],
    }


SCENARIO = Scenario(
    title="e-mail through a vendor that takes a batch in 50 ms, one consumer process",
    about="Requests of 10,000 e-mails of 100 bytes through the kind `sendgrid` on loopback, with the default settings.",
    quick=Size(20_000, 2),
    full=Size(100_000, 5),
    run=run,
    goals=[Goal("calls per 1,000 mails", at_most=10)],
)
