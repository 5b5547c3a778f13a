"""Options and settings of `rollcall bounces`, before it connects to anything."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.bounces.notes import FAILURE_SECONDS, Notes
from cli.bounces.run import read_address
from cli.errors import UsageError
from tests.support.cli_runner import run_rollcall

KEY = "geheim" * 6
ENTRY = {"kind": "smtp", "provider": "post", "bounce_key": KEY}
NO_ENTRY = (
    "ROLLCALL_RECEIPTS: no entry has the kind smtp. Add one with provider and bounce_key for each provider of the kind "
    "smtp that has a return_path."
)
NOT_AN_ADDRESS = "--lmtp: must be PORT, or HOST:PORT such as 127.0.0.1:8024 or [::1]:8024.\n"


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("8024", "127.0.0.1", 8024),
        ("0", "127.0.0.1", 0),
        ("localhost:24", "localhost", 24),
        ("0.0.0.0:24", "0.0.0.0", 24),
        ("[::1]:24", "::1", 24),
    ],
)
def test_without_a_host_the_socket_listens_on_loopback(text: str, host: str, port: int) -> None:
    assert read_address(text) == (host, port)


@pytest.mark.parametrize("text", ["", "host", ":24", "host:x", "host:70000", "a@host:24", "host:24/x", "[::1", "²"])
def test_an_address_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as error:
        read_address(text)

    assert f"{error.value}\n" == NOT_AN_ADDRESS


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ([], "--maildir or --lmtp: exactly one of them is required.\n"),
        (["--maildir", ".", "--lmtp", "24"], "--maildir or --lmtp: exactly one of them is required.\n"),
        (["--lmtp", "24", "--follow"], "--follow and --leave-others: need --maildir.\n"),
        (["--lmtp", "host"], NOT_AN_ADDRESS),
        (
            ["--maildir", "/no/such/folder"],
            "--maildir: the folder is not a Maildir. It must have the folders new and cur.\n",
        ),
    ],
)
def test_options_that_cannot_be_used_are_named(options: list[str], error: str) -> None:
    done = run_rollcall("bounces", *options)

    assert (done.exit_code, done.stdout, done.stderr) == (2, "", error)


@pytest.mark.parametrize(
    ("receipts", "error"),
    [
        (None, NO_ENTRY),
        ([{**ENTRY, "bounce_key": "geheim"}], "ROLLCALL_RECEIPTS: entry 1: bounce_key: must have 32 to 200 characters"),
        ([{"kind": "smtp", "provider": "post"}], "ROLLCALL_RECEIPTS: entry 1: bounce_key: is required"),
        (
            [{**ENTRY, "path_secret": KEY}],
            "ROLLCALL_RECEIPTS: entry 1: path_secret: must not be given, because bounces are mails and not calls",
        ),
    ],
)
def test_a_key_that_is_missing_or_wrong_is_named_and_not_shown(tmp_path: Path, receipts: Any, error: str) -> None:
    for name in ("new", "cur"):
        (tmp_path / name).mkdir()
    environment = {"ROLLCALL_KAFKA_BOOTSTRAP": "127.0.0.1:1"}
    if receipts:
        environment["ROLLCALL_RECEIPTS"] = json.dumps(receipts)

    done = run_rollcall("bounces", "--maildir", str(tmp_path), **environment)

    assert (done.exit_code, done.stderr) == (2, f"{error}\n")


def test_failures_are_noted_seldom_and_counts_if_they_changed(capsys: pytest.CaptureFixture[str]) -> None:
    clock = [0.0]
    notes = Notes(lambda: clock[0])
    for seconds in (0.0, FAILURE_SECONDS / 2, FAILURE_SECONDS):
        clock[0] = seconds
        notes.failed(ValueError("geheim"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert lines == [{"event": "bounces not published", "error": "ValueError"}] * 2
