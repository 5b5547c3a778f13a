"""The check of who sends a callback: several keys, and tokens that count once only."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from ledger.memory import MemoryLedger
from ledger.sealing import Sealer
from producer.callbacks.check_caller import CallerCheck, RepeatedCallbackError
from producer.callbacks.sources import KeyedFormat, ReceiptSource
from producer.errors import UnavailableError
from providers.receipts.receipt_format import (
    Callback,
    CallbackUnavailableError,
    ForeignCallbackError,
    ReceiptEntry,
    UnsignedCallbackError,
    VendorReceipt,
)
from tests.support.service import a_gateway, gateway_without_mongodb

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ENTRY = ReceiptEntry(kind="http", provider="gateway")
OLD, NEW = ("old", bytes(32)), ("new", b"\1" * 32)


class WordFormat:
    """Accepts bodies that begin with its word. The rest of the first line is a token, if there is any."""

    def __init__(self, word: bytes, foreign: bytes = b"foreign") -> None:
        self._word, self._foreign = word, foreign

    async def check(self, callback: Callback) -> str | None:
        word, _, token = callback.body.partition(b"\n")[0].partition(b" ")
        if word == self._foreign:
            raise ForeignCallbackError
        if word == b"unavailable" and self._word == b"first":
            raise CallbackUnavailableError
        if word != self._word:
            raise UnsignedCallbackError
        return token.decode() or None

    def read(self, callback: Callback) -> list[VendorReceipt]:
        raise NotImplementedError


def a_source(*words: bytes, provider: str = "gateway", entry: ReceiptEntry = ENTRY) -> ReceiptSource:
    return ReceiptSource(provider, "http", tuple(KeyedFormat(WordFormat(word), entry) for word in words))


def a_callback(body: bytes, secret: str | None = None) -> Callback:
    return Callback("https://rollcall.example/", {}, body, NOW, secret)


@pytest.fixture
async def check() -> CallerCheck:
    gateway = a_gateway(MemoryLedger(lambda: NOW))
    await gateway.start()
    return CallerCheck(gateway, Sealer([OLD]), lambda: NOW)


async def test_a_token_counts_once_and_a_repeat_of_its_body_is_harmless(check: CallerCheck) -> None:
    source = a_source(b"word")

    for _ in range(2):
        await check.check(source, a_callback(b"word token1\nevent 1"))
    with pytest.raises(RepeatedCallbackError):
        await check.check(source, a_callback(b"word token1\nevent 2"))
    await check.check(source, a_callback(b"word token2\nevent 2"))
    await check.check(a_source(b"word", provider="other"), a_callback(b"word token1\nevent 2"))


async def test_a_token_is_compared_after_a_rotation_and_refused_without_its_key(check: CallerCheck) -> None:
    source, first, second = a_source(b"word"), a_callback(b"word t\n1"), a_callback(b"word t\n2")
    await check.check(source, first)

    rotated = CallerCheck(check.gateway, Sealer([NEW, OLD]), lambda: NOW + timedelta(days=1))
    await rotated.check(source, first)
    with pytest.raises(RepeatedCallbackError):
        await rotated.check(source, second)
    with pytest.raises(RepeatedCallbackError):
        await CallerCheck(check.gateway, Sealer([NEW]), lambda: NOW).check(source, first)


async def test_only_a_token_needs_the_ledger() -> None:
    gateway = gateway_without_mongodb()
    await gateway.start()
    check = CallerCheck(gateway, Sealer([OLD]), lambda: NOW)

    await check.check(a_source(b"word"), a_callback(b"word"))
    with pytest.raises(UnavailableError):
        await check.check(a_source(b"word"), a_callback(b"word token"))
    await gateway.stop()


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"first", None),
        (b"second", None),
        (b"third", UnsignedCallbackError),
        (b"foreign", ForeignCallbackError),
        (b"unavailable", CallbackUnavailableError),
    ],
)
async def test_one_of_several_entries_must_accept_the_call(
    check: CallerCheck, body: bytes, error: type[Exception] | None
) -> None:
    source = a_source(b"first", b"second")
    if error is None:
        accepted = await check.check(source, a_callback(body))
        assert accepted is source.formats[[b"first", b"second"].index(body)].format
    else:
        with pytest.raises(error):
            await check.check(source, a_callback(body))


@pytest.mark.parametrize(("expected", "given"), [("a" * 32, None), ("a" * 32, "a" * 31), (None, "a" * 32)])
async def test_a_path_secret_must_be_that_of_the_entry(
    check: CallerCheck, expected: str | None, given: str | None
) -> None:
    entry = ENTRY.model_copy(update={"path_secret": SecretStr(expected) if expected else None})

    with pytest.raises(UnsignedCallbackError):
        await check.check(a_source(b"word", entry=entry), a_callback(b"word", given))
    await check.check(a_source(b"word", entry=entry), a_callback(b"word", expected))
