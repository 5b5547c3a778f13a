"""Addresses to which providers may connect."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
AddressRange = IPv4Network | IPv6Network


class Network:
    """Addresses to which a provider may connect. `None` in place of it means all, as for those of the operator."""

    def __init__(self, allowed: Sequence[AddressRange] = ()) -> None:
        self._allowed = tuple(allowed)
        """Ranges of the inside that the operator permits."""

    def allows(self, address: Address) -> bool:
        """Return whether a connection may be made: to a public address, or to one that the operator permits."""
        return address.is_global or any(address in permitted for permitted in self._allowed)
