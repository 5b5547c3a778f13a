"""Guard of the inside: the addresses to which the provider of a tenant may connect, and the connection to one of them.

An address is checked right before the connection to it, and never looked up again in between. So a name that resolves
to another address the next time gains nothing.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, TypeVar

from providers.look_ups import LookUps

Address = IPv4Address | IPv6Address
AddressRange = IPv4Network | IPv6Network

P = TypeVar("P", bound=asyncio.BaseProtocol)

_INSIDE_IPV4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network. 0.0.0.0 connects to this machine
            "10.0.0.0/8",  # private (RFC 1918)
            "100.64.0.0/10",  # shared by the customers of a carrier (RFC 6598), and metadata of Alibaba Cloud
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # services for virtual machines of Azure, which no other machine reaches
            "169.254.0.0/16",  # link-local (RFC 3927), and metadata of most clouds
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments (RFC 6890), and metadata of Oracle Cloud
            "192.0.2.0/24",  # documentation (RFC 5737)
            "192.88.99.0/24",  # relays of 6to4 (RFC 7526)
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # benchmarks (RFC 2544)
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
"""Ranges of IPv4 that are not public.

Source: https://www.iana.org/assignments/iana-ipv4-special-registry, which `ipaddress` follows differently in each
patch release of Python, and the documents of the clouds.
"""

_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""Range in which all public addresses of IPv6 are.

The other ranges have loopback, link-local and private addresses, multicast, and the forms of IPv4 in IPv6.
Source: https://www.iana.org/assignments/ipv6-address-space
"""

_INSIDE_IPV6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, with Teredo (RFC 4380), benchmarks (RFC 5180) and ORCHID (RFC 7343)
            "2001:db8::/32",  # documentation (RFC 3849)
            "2002::/16",  # 6to4, which has an address of IPv4 in it (RFC 3056)
            "3fff::/20",  # documentation (RFC 9637)
        ),
    )
)
"""Ranges within `_GLOBAL_UNICAST` that are not public."""

_NAT64 = IPv6Network("64:ff9b::/96")
"""Range that has every address of IPv4 in its last 32 bits, for networks without IPv4 (RFC 6052)."""

_ISATAP = 0x00005EFE
_WITHOUT_UNIVERSAL_BIT = 0xFDFFFFFF
"""Beginning of the last 64 bits of an address that has one of IPv4 in its last 32 bits (RFC 5214), and its mask."""

NO_CONNECTION = "no connection"
"""Description of each failure to connect within a network."""

_FAILURES = {"name not resolved", "connection refused", "timed out", "connection cut", "network error"}
"""Descriptions that `NO_CONNECTION` replaces. The others are of a connection that was made, and so was allowed."""


class AddressNotAllowedError(OSError):
    """Error for an address to which a provider must not connect."""


class Network:
    """Addresses to which a provider may connect. `None` in place of it means all, as for those of the operator."""

    def __init__(self, allowed: Sequence[AddressRange] = ()) -> None:
        self._allowed = tuple(allowed)
        """Ranges of the inside that the operator permits."""
        self._look_ups = LookUps()

    def allows(self, address: Address) -> bool:
        """Return whether a connection may be made: to a public address, or to one that the operator permits.

        A range of IPv4 also permits its addresses in their IPv4-mapped form.
        """
        plain = _unmapped(address)
        return any(form in permitted for permitted in self._allowed for form in (address, plain)) or _is_public(plain)

    def open_socket(self, address_info: tuple[Any, ...]) -> socket.socket:
        """Open a socket for an item of getaddrinfo. Raises AddressNotAllowedError."""
        family, kind, protocol, _, (host, *_) = address_info
        if not self._allows_text(host):
            raise AddressNotAllowedError
        return socket.socket(family, kind, protocol)

    async def resolve(self, host: str) -> list[str]:
        """Return the addresses of a host that are allowed. Raises OSError if there is none."""
        addresses = [text for text in await self._look_ups.addresses_of(host) if self._allows_text(text)]
        if not addresses:
            raise AddressNotAllowedError
        return addresses

    def _allows_text(self, host: str) -> bool:
        """Return whether a text is an address that is allowed. A name is not: the system would resolve it again."""
        try:
            return self.allows(ip_address(host))
        except ValueError:
            return False


def _unmapped(address: Address) -> Address:
    """Return the address of IPv4 in an IPv4-mapped one. The system connects to the same one for both."""
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in inside for inside in _INSIDE_IPV4)
    carried = IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _NAT64:
        return _is_public(carried)
    if address not in _GLOBAL_UNICAST or any(address in inside for inside in _INSIDE_IPV6):
        return False
    is_isatap = int(address) >> 32 & _WITHOUT_UNIVERSAL_BIT == _ISATAP
    return not is_isatap or _is_public(carried)


async def connect(
    make_protocol: Callable[[], P], host: str, port: int, tls: ssl.SSLContext | None, network: Network | None
) -> tuple[asyncio.Transport, P]:
    """Connect, with TLS if there is a context: to the first address of the host that is allowed and answers."""
    loop = asyncio.get_running_loop()
    if network is None:
        return await loop.create_connection(make_protocol, host, port, ssl=tls)
    name = host if tls else None
    *others, last = await network.resolve(host)
    for address in others:
        with contextlib.suppress(OSError):
            return await loop.create_connection(make_protocol, address, port, ssl=tls, server_hostname=name)
    return await loop.create_connection(make_protocol, last, port, ssl=tls, server_hostname=name)


def hide_failure(description: str, network: Network | None) -> str:
    """Return the description of a failure to connect, as those who configured the provider may see it.

    With a network it is the same for an address that is not allowed, a name that does not exist, and a host that does
    not answer. A tenant must not learn which of them it is.
    """
    return NO_CONNECTION if network is not None and description in _FAILURES else description


def inside_problem(host: str, network: Network) -> str | None:
    """Return what is wrong with the host of an entry, if it is an address that is not allowed, or localhost.

    A name is not resolved, because the answer would tell what the name is inside.
    """
    address = _literal(host)
    return None if address is None or network.allows(address) else "must be a public address"


def _literal(host: str) -> Address | None:
    """Return the address that a host is, in each form that the system reads as one, or None for a name."""
    name = host.removeprefix("[").removesuffix("]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761, section 6.3
        return IPv4Address("127.0.0.1")
    try:
        return ip_address(name)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(name))  # such as 2130706433, 0x7f.1 and 127.1
    except (OSError, ValueError):
        return None
