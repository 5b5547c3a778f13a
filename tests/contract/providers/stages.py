"""Kinds of providers with their servers, behind one interface, for the contract of the providers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from devstack.processes import free_port
from providers.config_file import parse
from providers.provider import Provider
from providers.simulator import SimulatorEntry, SimulatorProvider
from schemas.statuses import Channel, Reason
from tests.contract.providers.servers import Act, Gateway, MailServer, SilentPeer
from tests.contract.providers.stage import QUICK_SECONDS, Stage, build
from tests.contract.providers.vendors.aliyun import AliyunStage
from tests.contract.providers.vendors.mailgun import MailgunStage
from tests.contract.providers.vendors.sendgrid import SendgridStage
from tests.contract.providers.vendors.ses import SesStage
from tests.contract.providers.vendors.tencent import TencentStage
from tests.contract.providers.vendors.twilio import TwilioStage
from tests.contract.providers.vendors.vonage import VonageStage


class Watched(SimulatorProvider):
    """Simulator that keeps the accepted messages. Without it they are only counted."""

    def __init__(self, entry: SimulatorEntry, taken: list[str]) -> None:
        super().__init__(entry)
        self._written = taken

    def _take(self, delivery_id: str) -> None:
        super()._take(delivery_id)
        self._written.append(delivery_id)


class SimulatorStage:
    channel = Channel.SMS
    acts = tuple(act for act in Act if act not in {Act.GIBBERISH, Act.CREDENTIALS})
    throttle_seconds = None
    batches = False
    refusal = Reason.REJECTED
    limit = None

    def __init__(self, silent: SilentPeer) -> None:  # noqa: ARG002
        self.peer = None
        self._taken: list[str] = []

    def address(self, act: Act, number: int = 0) -> str:  # noqa: ARG002
        return f"+861380013800{list(Act).index(act)}"

    def provider(self, **entry: Any) -> Provider:
        suffixes = {
            "fail_suffixes": [self.address(Act.REFUSE)],
            "retry_once_suffixes": [self.address(Act.UNAVAILABLE)],
            "throttle_once_suffixes": [self.address(Act.THROTTLE)],
            "hang_suffixes": [self.address(Act.HANG)],
            "drop_suffixes": [self.address(Act.CUT)],
        }
        (parsed,) = parse([{"name": "tried", "kind": "simulator", "channel": "sms", **suffixes, **entry}])
        assert isinstance(parsed, SimulatorEntry)
        return Watched(parsed, self._taken)

    def away(self, **entry: Any) -> Provider:
        raise NotImplementedError("it is always there")

    def not_ready(self, **entry: Any) -> Provider:
        raise NotImplementedError("it is always ready")

    def taken(self) -> list[str]:
        return self._taken

    def arrived(self) -> int:
        return 1  # it is there as soon as `send` runs

    def message_id(self, delivery_id: str) -> str:
        return f"sim-{delivery_id}"


class HttpStage:
    channel = Channel.SMS
    acts = tuple(Act)
    throttle_seconds = 7
    batches = False
    refusal = Reason.REJECTED
    limit = "concurrency"

    def __init__(self, silent: SilentPeer) -> None:
        self.peer = Gateway({self.address(act): act for act in Act})
        self._silent = silent

    def address(self, act: Act, number: int = 0) -> str:  # noqa: ARG002
        return f"+861380013800{list(Act).index(act)}"

    def provider(self, **entry: Any) -> Provider:
        return build(kind="http", channel="sms", **{"url": f"http://127.0.0.1:{self.peer.port}/send", **entry})

    def away(self, **entry: Any) -> Provider:
        return self.provider(url=f"http://127.0.0.1:{free_port()}/send", **entry)

    def not_ready(self, **entry: Any) -> Provider:
        return self.provider(url=f"https://127.0.0.1:{self._silent.port}/", timeout_seconds=QUICK_SECONDS, **entry)

    def taken(self) -> list[str]:
        return self.peer.taken

    def arrived(self) -> int:
        return self.peer.arrived

    def message_id(self, delivery_id: str) -> str:
        return f"gw-{delivery_id}"


class SmtpStage:
    channel = Channel.EMAIL
    acts = tuple(act for act in Act if act not in {Act.THROTTLE, Act.CREDENTIALS})
    throttle_seconds = None
    batches = False
    refusal = Reason.REJECTED
    limit = "connections"

    def __init__(self, silent: SilentPeer) -> None:
        self.peer = MailServer({self.address(act): act for act in Act})
        self._silent = silent

    def address(self, act: Act, number: int = 0) -> str:  # noqa: ARG002
        return f"{act}.geheim@example.com"

    def provider(self, **entry: Any) -> Provider:
        usual = {"host": "127.0.0.1", "port": self.peer.port, "tls": "none", "sender": "Us <us@example.org>"}
        return build(kind="smtp", **{**usual, **entry})

    def away(self, **entry: Any) -> Provider:
        return self.provider(port=free_port(), **entry)

    def not_ready(self, **entry: Any) -> Provider:
        return self.provider(port=self._silent.port, timeout_seconds=QUICK_SECONDS, **entry)

    def taken(self) -> list[str]:
        return self.peer.taken

    def arrived(self) -> int:
        return self.peer.arrived

    def message_id(self, delivery_id: str) -> str:
        return f"{delivery_id}@example.org"


STAGES: dict[str, type[Stage]] = {
    "simulator": SimulatorStage,
    "http": HttpStage,
    "smtp": SmtpStage,
    "aliyun": AliyunStage,
    "tencent": TencentStage,
    "sendgrid": SendgridStage,
    "vonage": VonageStage,
    "twilio": TwilioStage,
    "mailgun": MailgunStage,
    "ses": SesStage,
}
"""Stage of each kind in providers/kinds.py."""

OVER_THE_NETWORK = [kind for kind, stage in STAGES.items() if stage.limit]


@asynccontextmanager
async def a_stage(kind: str) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        silent = SilentPeer()
        await stack.enter_async_context(silent.running())
        stage = STAGES[kind](silent)
        if stage.peer is not None:
            await stack.enter_async_context(stage.peer.running())
        yield stage
