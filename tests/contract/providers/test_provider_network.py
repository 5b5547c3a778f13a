"""Guard of the inside: a provider of a tenant connects only to public addresses, and to those that are permitted."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from core.send_result import Retry, SendResult, Sent
from providers.network import Network
from providers.provider import Provider
from schemas.statuses import Reason
from tests.contract.providers.certificates import server_context
from tests.contract.providers.servers import MailServer, Peer, SilentPeer
from tests.contract.providers.stage import Stage, a_message
from tests.contract.providers.stages import OVER_THE_NETWORK, HttpStage
from tests.support.drafts import send

INSIDE, OUTSIDE = "127.0.0.1", "127.0.0.2"
NOTHING_PERMITTED = Network()
INSIDE_PERMITTED = Network([ip_network(INSIDE)])
OUTSIDE_PERMITTED = Network([ip_network(OUTSIDE)])
"""Network to which one address of loopback is as good as public. A test connects to no other machine."""

NO_CONNECTION = Retry(Reason.UNAVAILABLE, "connecting: no connection"), "connecting: no connection"
"""Results of a send and of a check."""

every_kind = pytest.mark.parametrize("stage", OVER_THE_NETWORK, indirect=True)
both_clients = pytest.mark.parametrize("stage", ["http", "smtp"], indirect=True)


class Loop:
    """Names that resolve to other addresses each time, and the addresses to which a connection was tried."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        self._answers: dict[str, list[Sequence[str]]] = {}
        loop = asyncio.get_running_loop()
        self._getaddrinfo, self._sock_connect = socket.getaddrinfo, loop.sock_connect

    def name(self, name: str, *answers: Sequence[str]) -> None:
        """Set the addresses of each look-up. The last answer stays. Without addresses there is no such name."""
        self._answers[name] = list(answers)

    def getaddrinfo(self, host: str, port: int | None, *args: Any, **options: Any) -> list[Any]:
        if (answers := self._answers.get(host)) is None:
            return self._getaddrinfo(host, port, *args, **options)
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (each, port)) for each in addresses]

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        self.tried.append(address[0])
        await self._sock_connect(sock, address)


@pytest.fixture
async def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    made, running = Loop(), asyncio.get_running_loop()
    monkeypatch.setattr(socket, "getaddrinfo", made.getaddrinfo)
    monkeypatch.setattr(running, "sock_connect", made.sock_connect)
    return made


@asynccontextmanager
async def outside(stage: Stage) -> AsyncIterator[Peer]:
    """Run a server like that of the stage, on the same port of `OUTSIDE`."""
    peer = type(stage)(SilentPeer()).peer
    assert peer is not None
    peer.host, peer.port = OUTSIDE, port_of(stage)
    async with peer.running():
        yield peer


def port_of(stage: Stage) -> int:
    assert stage.peer is not None
    return stage.peer.port


def connections(stage: Stage) -> int:
    assert stage.peer is not None
    return stage.peer.connections


def a_provider(stage: Stage, host: str, network: Network, port: int | None = None, **entry: Any) -> Provider:
    """Return a provider whose server has this name or address."""
    port = port or port_of(stage)
    if isinstance(stage, HttpStage):
        scheme = "https" if "ca_file" in entry else "http"
        entry["url"] = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"
    else:
        entry = {"host": host, "port": port, "tls": "tls" if "ca_file" in entry else "none", **entry}
    return stage.provider(network=network, **entry)


async def results(stage: Stage, provider: Provider) -> tuple[SendResult, str | None]:
    """Send and check, and close the provider."""
    result = await send(provider, a_message(stage)), await provider.check()
    await provider.aclose()
    return result


@every_kind
async def test_a_provider_of_a_tenant_connects_to_nothing_inside(stage: Stage, loop: Loop) -> None:
    assert await results(stage, stage.provider(network=NOTHING_PERMITTED)) == NO_CONNECTION
    assert loop.tried == []
    assert connections(stage) == 0


@every_kind
async def test_a_provider_of_a_tenant_connects_to_what_the_operator_permits(stage: Stage, loop: Loop) -> None:
    sent, problem = await results(stage, stage.provider(network=INSIDE_PERMITTED))

    assert isinstance(sent, Sent)
    assert problem is None
    assert set(loop.tried) == {INSIDE}


@both_clients
async def test_a_host_that_does_not_answer_looks_like_one_that_must_not_be_asked(stage: Stage) -> None:
    assert await results(stage, stage.away(network=INSIDE_PERMITTED)) == NO_CONNECTION
    assert await results(stage, stage.not_ready(network=INSIDE_PERMITTED)) == NO_CONNECTION


@both_clients
async def test_a_name_that_does_not_exist_looks_like_one_of_the_inside(stage: Stage, loop: Loop) -> None:
    loop.name("nowhere.example", [])

    assert await results(stage, a_provider(stage, "nowhere.example", NOTHING_PERMITTED)) == NO_CONNECTION


@both_clients
async def test_a_name_that_leads_inside_at_its_second_look_up_is_not_followed(stage: Stage, loop: Loop) -> None:
    loop.name("rebinding.example", [OUTSIDE], [INSIDE])
    async with outside(stage):
        provider = a_provider(stage, "rebinding.example", OUTSIDE_PERMITTED)

        assert await provider.check() is None
        assert loop.tried == [OUTSIDE]
        assert await results(stage, provider) == NO_CONNECTION

    assert loop.tried == [OUTSIDE]
    assert connections(stage) == 0


@both_clients
@pytest.mark.parametrize("addresses", [[INSIDE, OUTSIDE], [OUTSIDE, INSIDE]])
async def test_of_several_addresses_only_those_that_are_allowed_are_tried(
    stage: Stage, loop: Loop, addresses: list[str]
) -> None:
    loop.name("both.example", addresses)
    async with outside(stage) as peer:
        sent, problem = await results(stage, a_provider(stage, "both.example", OUTSIDE_PERMITTED))

    assert isinstance(sent, Sent)
    assert problem is None
    assert peer.taken == ["log_1"]
    assert set(loop.tried) == {OUTSIDE}


@both_clients
async def test_the_next_address_is_tried_if_one_does_not_answer(stage: Stage, loop: Loop) -> None:
    loop.name("two.example", ["127.0.0.3", INSIDE])
    provider = a_provider(stage, "two.example", Network([ip_network("127.0.0.0/8")]))

    sent, problem = await results(stage, provider)

    assert isinstance(sent, Sent)
    assert problem is None
    assert set(loop.tried) == {"127.0.0.3", INSIDE}


@both_clients
@pytest.mark.parametrize(
    "host", ["localhost", "0.0.0.0", "127.1", "2130706433", "0x7f.1", "::", "::1", "::ffff:127.0.0.1", "::127.0.0.1"]
)
async def test_no_form_of_an_address_of_the_inside_gets_past_the_guard(stage: Stage, loop: Loop, host: str) -> None:
    assert await results(stage, a_provider(stage, host, NOTHING_PERMITTED)) == NO_CONNECTION
    assert loop.tried == []
    assert connections(stage) == 0


@both_clients
async def test_a_certificate_must_be_for_the_name_and_not_for_its_address(
    stage: Stage, loop: Loop, tmp_path: Path
) -> None:
    loop.name("named.example", [INSIDE])
    peer = type(stage)(SilentPeer()).peer
    assert peer is not None
    peer.tls, ca_file = server_context(tmp_path)
    async with peer.running():
        named = a_provider(stage, "named.example", INSIDE_PERMITTED, peer.port, ca_file=ca_file)
        addressed = a_provider(stage, INSIDE, INSIDE_PERMITTED, peer.port, ca_file=ca_file)
        refused, (sent, problem) = await results(stage, named), await results(stage, addressed)

    words = "connecting: certificate refused"
    assert refused == (Retry(Reason.UNAVAILABLE, words), words)
    assert isinstance(sent, Sent)
    assert problem is None


@pytest.mark.parametrize("stage", ["http"], indirect=True)
async def test_a_proxy_in_the_environment_is_not_used(
    stage: Stage, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://{OUTSIDE}:{port_of(stage)}")

    sent, _ = await results(stage, a_provider(stage, INSIDE, INSIDE_PERMITTED))

    assert isinstance(sent, Sent)
    assert set(loop.tried) == {INSIDE}


@pytest.mark.parametrize("stage", ["smtp"], indirect=True)
async def test_the_mail_server_of_a_tenant_does_not_learn_the_name_of_this_machine(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "consumer-7.inside.example")

    await results(stage, a_provider(stage, INSIDE, INSIDE_PERMITTED))

    assert isinstance(stage.peer, MailServer)
    assert stage.peer.commands[0] == "EHLO example.org"
