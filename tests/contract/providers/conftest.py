"""Search of everything that a test of a provider shows for the addresses, texts and secrets that it used."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from pydantic import SecretStr

from core.send_result import Message, SendResult
from providers import provider as provider_module
from providers.draft import Draft, T
from tests.contract.providers.stage import Stage
from tests.contract.providers.stages import a_stage

SHORTEST = 6
"""Minimum length of a value that is searched for, in characters. A shorter one may be part of a fixed word."""

OTHER_SIDES = (
    "mail.log",
    "vonage",
    "python_http_client",
    "boto3",
    "botocore",
    "alibabacloud",
    "tencentcloud",
    "urllib3",
)
"""Loggers of the servers and of the vendors' clients that tests use. rollcall itself uses one of botocore."""
OURS = "botocore.auth"
"""Logger of the signer of the kind `ses`."""


class Output:
    """What a test showed, and what it must not show."""

    def __init__(self, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
        self._caplog, self._capsys = caplog, capsys
        self.used: set[str] = set()
        """Values that must not be shown."""
        self._results: list[str] = []

    def note_message(self, message: Message) -> None:
        """Note a message as it was rendered for a provider."""
        values = (message.to.removeprefix("+"), message.text, message.subject, message.reply_to, *message.cc)
        self.note(*values, *message.secrets, *message.variables.values())

    def note(self, *values: object) -> None:
        """Note values that must not be shown."""
        self.used.update(value for value in values if isinstance(value, str) and len(value) >= SHORTEST)

    def note_result(self, result: SendResult) -> SendResult:
        """Note a result. Its words are in logs, events, log lines and the labels of metrics."""
        self._results.append(repr(result))
        return result

    def forget(self) -> None:
        """Forget all values. What was shown on purpose is no leak."""
        self.used.clear()

    def leaks(self) -> set[str]:
        """Return the values that log lines, tracebacks in them, standard output or results show."""
        # `caplog.text` has the lines of the current phase only, and the fixture ends in another one than the test.
        logged = [record for phase in ("setup", "call", "teardown") for record in self._caplog.get_records(phase)]
        lines = (self._caplog.handler.format(record) for record in logged if _is_ours(record.name))
        shown = "\n".join((*lines, *self._capsys.readouterr(), *self._results))
        return {value for value in self.used if value in shown}


def _is_ours(logger: str) -> bool:
    return logger == OURS or not logger.startswith(OTHER_SIDES)


@pytest.fixture(autouse=True)
def output(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> Iterator[Output]:
    """Fail a test that shows an address, a text or a secret that it used, at any level of the log."""
    made = Output(caplog, capsys)
    prepare, settled, reveal = Draft.prepare, provider_module._settled, SecretStr.get_secret_value

    async def prepare_noted(draft: Draft, encode: Callable[[Message], T]) -> T:
        def encode_noted(message: Message) -> T:
            made.note_message(message)
            return encode(message)

        return await prepare(draft, encode_noted)

    def reveal_noted(secret: SecretStr) -> str:
        made.note(reveal(secret))
        return reveal(secret)

    monkeypatch.setattr(Draft, "prepare", prepare_noted)
    monkeypatch.setattr(SecretStr, "get_secret_value", reveal_noted)
    monkeypatch.setattr(provider_module, "_settled", lambda *each: made.note_result(settled(*each)))
    caplog.set_level(logging.DEBUG)
    yield made
    assert not made.leaks(), "shown in a log line, in the output or in a result"


@pytest.fixture
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """Return the stage of the kind that the parameter names, or else `KIND` of the module."""
    async with a_stage(getattr(request, "param", None) or request.module.KIND) as made:
        yield made
