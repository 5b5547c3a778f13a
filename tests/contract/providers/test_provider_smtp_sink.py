"""Kind `smtp` with smtp-sink, the test server of Postfix, which fails at a command of choice.

Its options are on https://www.postfix.org/smtp-sink.1.html.
"""

import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.send_result import Retry, SendResult, Sent
from devstack.processes import Child, answers, free_port, wait_until_ready
from schemas.statuses import Reason
from tests.contract.providers.postfix import find
from tests.contract.providers.test_provider_smtp import a_message, a_provider, later, refused, uncertain
from tests.support.drafts import send_all

MAILS = 50
TAKEN = Sent(response="SMTP 250 2.0.0")


class Sink:
    """Running smtp-sink that writes each mail into a file."""

    def __init__(self, folder: Path) -> None:
        self.port, self.folder = free_port(), folder

    def contents(self) -> Counter[str]:
        """Return how often the content of each mail came, by the local part of its Message-ID."""
        files = (path.read_text() for path in self.folder.glob("mail*"))
        return Counter(name for text in files for name in re.findall("Message-ID: <([^@]+)@", text))


@contextmanager
def running_sink(*options: str) -> Iterator[Sink]:
    program = find("smtp-sink")
    # Not in the folder of the test, which only root may enter. As root, smtp-sink must become another user.
    with tempfile.TemporaryDirectory() as name:
        sink = Sink(Path(name))
        sink.folder.chmod(0o777)
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        command = [program, *user, "-d", f"{name}/mail%M.", *options, f"127.0.0.1:{sink.port}", "100"]
        child = Child(command, log=sink.folder / "output")
        try:
            wait_until_ready(child, lambda: answers(sink.port), what="smtp-sink", deadline_seconds=30)
            yield sink
        finally:
            child.stop()


@pytest.mark.parametrize(
    ("options", "expected", "contents"),
    [
        ([], TAKEN, 1),
        (["-p"], TAKEN, 1),  # without PIPELINING
        (["-f", "RCPT"], refused("SMTP 500 5.3.0 to RCPT"), 0),
        (["-r", "DATA"], later("SMTP 450 4.3.0 to DATA"), 0),
        (["-q", "MAIL"], later("MAIL: connection cut"), 0),
        (["-Q", "MAIL"], Retry(Reason.UNAVAILABLE, "SMTP 421 4.0.0 to MAIL"), 0),
        (["-q", "."], uncertain("end of data: connection cut"), 1),
        (["-Q", "."], later("SMTP 421 4.0.0 to end of data"), 1),
    ],
)
async def test_each_mail_has_the_result_of_its_own_replies(
    options: list[str], expected: SendResult, contents: int
) -> None:
    with running_sink(*options) as sink:
        provider = a_provider(sink, connections=2, timeout_seconds=30)
        results = await send_all(provider, *(a_message(f"log_{number}") for number in range(MAILS)))
        await provider.aclose()
        seen = sink.contents()

    plain = [result._replace(message_id=None) if isinstance(result, Sent) else result for result in results]
    assert plain == [expected] * MAILS
    assert seen == Counter({f"log_{number}": contents for number in range(MAILS)})


async def test_replies_in_the_wrong_order_are_not_trusted() -> None:
    # An answer that is delayed comes after those of the commands that were written with it.
    with running_sink("-W", ".:1") as sink:
        provider = a_provider(sink, connections=1, timeout_seconds=30)
        results = await send_all(provider, *(a_message(f"log_{number}") for number in range(4)))
        await provider.aclose()
        seen = sink.contents()

    no_order = uncertain("end of data: unexpected answer")
    assert results[:2] == [no_order, no_order]
    assert set(seen.values()) == {1}
