"""Mails: the kind `smtp` against the simulator, and against a plain program with aiosmtplib (bench/plain_mails.py)."""

import uvloop

from bench.mails import SENDER, SIMULATOR, MailProgram, mail_work, started_sink
from bench.plain_mails import plain_rate
from bench.programs import WARM_UP_RECIPIENTS
from bench.scenario import Figures, Goal, Place, Scenario, Size

_SIZES = {"100 B": 100, "2 KB": 2_000}
"""Bytes of the text of each mail."""
_CONNECTIONS = 10
_SMTP, _SIMULATOR, _PLAIN = "smtp", "simulator", "aiosmtplib"
_PLAIN_PART = 5
"""The slow program gets one mail of this many."""


def run(place: Place, recipients: int) -> Figures:
    """Measure both sizes, one program after the other. Raise MissingPeerError without smtp-sink."""
    with started_sink(place) as port:
        return {
            f"{size}: {figure}": value
            for size, text_bytes in _SIZES.items()
            for figure, value in _measure(place, port, text_bytes, recipients).items()
        }


def _measure(place: Place, port: int, text_bytes: int, recipients: int) -> Figures:
    """Return the figures of one size of text."""
    server = {"name": "sink", "kind": "smtp", "host": "127.0.0.1", "port": port, "tls": "none", "sender": SENDER}
    providers = {_SMTP: {**server, "connections": _CONNECTIONS}, _SIMULATOR: SIMULATOR}
    warm_up, work = mail_work("warm", WARM_UP_RECIPIENTS, text_bytes), mail_work("run", recipients, text_bytes)
    sides = [*providers, _PLAIN]
    figures, rates = {}, {}
    for side in sides if place.is_odd else reversed(sides):
        if side == _PLAIN:
            rates[side] = uvloop.run(plain_rate(port, _CONNECTIONS, recipients // _PLAIN_PART, text_bytes))
        else:
            found = MailProgram(f"{side} {text_bytes}", provider=providers[side]).measure(place, warm_up, work)
            rates[side] = found.rate
            figures[f"{side}, µs of CPU a mail"] = found.cpu_seconds / recipients * 1e6
        figures[f"{side}, mails/s"] = rates[side]
    return {
        **figures,
        "smtp / simulator": rates[_SMTP] / rates[_SIMULATOR],
        "smtp / aiosmtplib": rates[_SMTP] / rates[_PLAIN],
    }


SCENARIO = Scenario(
    title="e-mail over 10 connections to smtp-sink, one consumer process",
    about="Requests of 10,000 e-mails in plain text, with one log and one event for each recipient.",
    quick=Size(10_000, 1),
    full=Size(50_000, 5),
    run=run,
    goals=[Goal("100 B: smtp / simulator", at_least=0.6), Goal("100 B: smtp / aiosmtplib", at_least=10)],
)
