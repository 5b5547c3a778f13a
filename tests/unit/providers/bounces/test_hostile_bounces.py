"""Bounce mails that try to take time or memory, and mails of any bytes."""

import time
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.bounces.bounce_reader import NoReceipt
from providers.bounces.mail_parts import MAX_MAIL_BYTES, MAX_VALUE
from schemas.receipts import Receipt
from tests.support.hostile_texts import MAX_GROWTH, growth_of
from tests.unit.providers.bounces.sample_bounces import EXCHANGE, NOW, POSTFIX, READER, SIGNED, a_complaint, a_report

MAX_SECONDS = 1.0
"""Maximum CPU time for one mail of 1 MiB in this test, in seconds. The slowest takes 0.05 s on a quiet machine."""
MAX_MEMORY = 8 * 1024 * 1024
"""Maximum memory for one mail of 1 MiB in this test, in bytes."""
HEAD = f"To: {SIGNED}\r\nContent-Type: multipart/report; boundary=b\r\n\r\n"
STATUS = "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
ENCODED = "--b\r\nContent-Type: message/delivery-status\r\nContent-Transfer-Encoding: {}\r\n\r\n"

HOSTILE: dict[str, tuple[str, str]] = {
    "headers": ("", "a: b\r\n"),
    "header without an end": ("Content-Type: ", "a"),
    "folded header": ("Content-Type: a", "\r\n\tb"),
    "parameters": ("Content-Type: multipart/report", "; a=b"),
    "quoted parameters": ('Content-Type: multipart/report; boundary="', '";'),
    "numbered parameters": ("Content-Type: multipart/report", "; boundary*1=b"),
    "recipients in a header": ("To: ", f"<{SIGNED}>, "),
    "blank lines": (HEAD, "\r\n"),
    "parts": (HEAD, "--b\r\n\r\n"),
    "parts that look like edges": (HEAD, "--b-\r\n"),
    "hyphens": (HEAD, "--b"),
    "nested parts": ("", "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n"),
    "nested mails": (HEAD, "--b\r\nContent-Type: message/rfc822\r\n\r\n"),
    "reports": (HEAD, STATUS + "Action: failed\r\n\r\nAction: failed\r\n\r\n"),
    "groups of a report": (HEAD + STATUS, "Action: failed\r\n\r\n"),
    "fields of a report": (HEAD + STATUS, "Final-Recipient: rfc822; a@example.com\r\n"),
    "blanks of a report": (HEAD + STATUS + "Action: failed\r\n", " \r\n"),
    "blanks in a field": (HEAD + STATUS + "Action: failed\r\nDiagnostic-Code: smtp", " "),
    "base64": (HEAD + ENCODED.format("base64"), "====\r\n"),
    "quoted-printable": (HEAD + ENCODED.format("quoted-printable"), "=\r\n"),
    "no line at all": ("", "\x00"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_mail_of_1_mib_takes_little_time_and_memory(name: str) -> None:
    begin, part = HOSTILE[name]
    content = (begin + part * (MAX_MAIL_BYTES // len(part))).encode()
    begun = time.thread_time()
    READER.read(content, SIGNED, NOW)
    taken = time.thread_time() - begun
    tracemalloc.start()
    READER.read(content, SIGNED, NOW)
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert taken < MAX_SECONDS
    assert memory < MAX_MEMORY


@pytest.mark.parametrize("name", HOSTILE)
def test_four_times_the_mail_takes_about_four_times_the_time(name: str) -> None:
    def read(text: str) -> object:
        return READER.read(text.encode(), SIGNED, NOW)

    begin, part = HOSTILE[name]
    family = (begin, part, "")
    growth = growth_of(read, family, MAX_MAIL_BYTES // 5)
    if growth > MAX_GROWTH:
        growth = min(growth_of(read, family, MAX_MAIL_BYTES // 5) for _ in range(3))
    assert growth <= MAX_GROWTH


def test_a_report_behind_a_long_text_is_found_within_the_first_mib() -> None:
    text = b"x" * 70 + b"\r\n"
    begin, end = a_report().split(b"Sorry.")

    assert isinstance(READER.read(begin + text * 10_000 + end, None, NOW), Receipt)
    assert READER.read(begin + text * 15_000 + end, None, NOW) is NoReceipt.OTHER


def test_a_content_type_that_is_too_long_is_not_read() -> None:
    padded = a_report().replace(b"; boundary", b"; padding=%b; boundary" % (b"x" * MAX_VALUE))

    assert READER.read(padded, None, NOW) is NoReceipt.OTHER


def changed(base: bytes) -> st.SearchStrategy[bytes]:
    """Return mails with a part of this one replaced by any bytes."""
    place = st.integers(0, len(base))
    return st.builds(
        lambda a, b, new: base[: min(a, b)] + new + base[max(a, b) :], place, place, st.binary(max_size=99)
    )


@given(st.one_of(st.binary(), *map(changed, (POSTFIX, EXCHANGE, a_complaint()))))
def test_no_mail_raises_an_error(content: bytes) -> None:
    result: Receipt | NoReceipt = READER.read(content, None, NOW)

    assert isinstance(result, Receipt | NoReceipt)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("boundary", "boundary*"),
        lambda text: text.replace('boundary="edge"', "boundary*0*=utf-8''ed; boundary*1*=%67e"),
        lambda text: text.replace('boundary="edge"', "boundary*=unknown''%ff"),
        lambda text: text.replace("edge", "\udcff"),
        lambda text: text.replace("ann@", "\udcff@"),
        lambda text: text.replace("failed", "\udcff"),
    ],
)
def test_strange_parameters_and_bytes_raise_no_error(change: Callable[[str], str]) -> None:
    content = change(a_report().decode()).encode(errors="surrogateescape")

    assert isinstance(READER.read(content, None, NOW), Receipt | NoReceipt)
