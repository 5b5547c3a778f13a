"""Interface of a kind of provider with its server, for the contract of the providers."""

from dataclasses import replace
from typing import Any, ClassVar, Protocol

from core.send_result import Message
from core.vendor_template import VendorTemplate
from devstack.processes import free_port
from providers.config_file import parse
from providers.network import Network
from providers.provider import Provider
from providers.registry import build_provider
from schemas.statuses import Channel, Reason
from tests.contract.providers.servers import Act, Peer, SilentPeer
from tests.contract.providers.vendors.server import VendorServer, address_for

SECRET = "Your code is 4711-geheim"
QUICK_SECONDS = 0.5
VENDOR_TEMPLATE = VendorTemplate("1110", "云通信", ("code",))
"""Template of the vendors that take no free text. Its parameter has the text of the message."""


class Stage(Protocol):
    """Kind of provider with its server."""

    channel: Channel
    acts: tuple[Act, ...]
    """Behaviours of the server."""
    throttle_seconds: float | None
    """Delay that the server asks for when it throttles, in seconds."""
    limit: str | None
    """Field of an entry that limits the connections, if there is one."""
    batches: bool
    """True if a call may have several messages."""
    refusal: Reason
    """Reason of a message that the server refuses."""
    peer: Peer | None
    """Server, unless it is in this process."""

    def __init__(self, silent: SilentPeer) -> None: ...

    def address(self, act: Act, number: int = 0) -> str: ...
    def provider(self, **entry: Any) -> Provider: ...
    def away(self, **entry: Any) -> Provider: ...
    def not_ready(self, **entry: Any) -> Provider: ...
    def taken(self) -> list[str]: ...
    def arrived(self) -> int: ...
    def message_id(self, delivery_id: str) -> str:
        """Return the id that the server gave to a delivery."""


class VendorStage:
    """Stage of a vendor over HTTP. A subclass names its server, its entry and what the server can do."""

    channel: ClassVar[Channel]
    acts: ClassVar[tuple[Act, ...]]
    throttle_seconds: ClassVar[float | None] = None
    batches: ClassVar[bool] = False
    refusal: ClassVar[Reason] = Reason.REJECTED
    limit = "concurrency"
    server: ClassVar[type[VendorServer]]
    entry: ClassVar[dict[str, Any]]
    """Fields of the entry, without `name` and `base_url`."""

    def __init__(self, silent: SilentPeer) -> None:
        self.peer = self.server()
        self._silent = silent

    def address(self, act: Act, number: int = 0) -> str:
        return address_for(self.channel, act, number)

    def provider(self, **entry: Any) -> Provider:
        return build(**{**self.entry, "base_url": f"http://127.0.0.1:{self.peer.port}", **entry})

    def away(self, **entry: Any) -> Provider:
        return self.provider(base_url=f"http://127.0.0.1:{free_port()}", **entry)

    def not_ready(self, **entry: Any) -> Provider:
        return self.provider(base_url=f"https://127.0.0.1:{self._silent.port}", timeout_seconds=QUICK_SECONDS, **entry)

    def taken(self) -> list[str]:
        return self.peer.taken

    def arrived(self) -> int:
        return self.peer.arrived

    def message_id(self, delivery_id: str) -> str:
        return self.peer.ids[delivery_id]


def build(*, network: Network | None = None, **entry: Any) -> Provider:
    """Build the provider `tried` of an entry, as from the settings. With a network, it is one of a tenant."""
    (parsed,) = parse([{"name": "tried", **entry}])
    return build_provider(parsed, network)


def a_message(stage: Stage, act: Act = Act.TAKE, number: int = 1) -> Message:
    message = Message(f"log_{number}", stage.channel, stage.address(act), SECRET, "Hello", False, None, "tnt_1")
    return replace(message, variables={"code": SECRET}, vendor_templates={"tried": VENDOR_TEMPLATE})
