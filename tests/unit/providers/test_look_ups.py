"""Look-ups of the hosts of tenants: a name server that does not answer holds up one thread, and nothing else."""

import asyncio
import socket
import threading
from typing import Any

import pytest

from providers.look_ups import LookUps


async def test_a_host_that_hangs_takes_one_thread_and_delays_no_other_host(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, released = list[str](), threading.Event()

    def getaddrinfo(host: str, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        if host == "hangs.example":
            released.wait(30)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in ("192.0.2.1", "192.0.2.1")]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    look_ups = LookUps()
    hanging = [asyncio.create_task(look_ups.addresses_of("hangs.example")) for _ in range(50)]
    async with asyncio.timeout(20):
        assert await look_ups.addresses_of("works.example") == ["192.0.2.1"]
        assert await asyncio.get_running_loop().getaddrinfo("installed.example", 25)
    assert sorted(asked) == ["hangs.example", "installed.example", "works.example"]

    hanging.pop().cancel()
    released.set()
    assert await asyncio.gather(*hanging) == [["192.0.2.1"]] * 49
    assert await look_ups.addresses_of("hangs.example") == ["192.0.2.1"]
    assert asked.count("hangs.example") == 2


async def test_a_host_that_cannot_be_found_is_an_error_of_each_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    look_ups = LookUps()
    answers = await asyncio.gather(*(look_ups.addresses_of("no.example") for _ in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [socket.gaierror] * 3
