"""Routes: which providers may send to a recipient, and in which order."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from schemas.statuses import Category, Channel


class Target(NamedTuple):
    """Provider of a route."""

    provider: str
    priority: int = 0
    """Providers with the lowest number are asked first."""
    weight: int = 1
    """Share of the windows among providers of the same priority."""


@dataclass(frozen=True, slots=True)
class Route:
    """Providers for some recipients. A window has recipients of one route only."""

    targets: tuple[Target, ...]

    def among(self, names: Iterable[str]) -> "Route":
        """Return the route with these providers only."""
        kept = frozenset(names)
        return Route(tuple(target for target in self.targets if target.provider in kept))

    def pick(self, draw: Callable[[], float]) -> str | None:
        """Return a provider of the lowest priority number, by weight. `draw` returns numbers in [0, 1)."""
        if not self.targets:
            return None
        lowest = min(target.priority for target in self.targets)
        first = [target for target in self.targets if target.priority == lowest]
        if len(first) == 1:
            return first[0].provider
        point = draw() * sum(target.weight for target in first)
        for target in first:
            point -= target.weight
            if point < 0:
                return target.provider
        return first[-1].provider


@dataclass(frozen=True, slots=True)
class RouteRule:
    """Route with the recipients that it is for. A condition that is None holds for all."""

    channel: Channel
    route: Route
    tenant: str | None = None
    category: Category | None = None
    prefix: str | None = None
    """Beginning of a number such as `+86`, or a domain, which stands for its subdomains too."""


class RouteTable:
    """Routes of one request. The longest prefix of a recipient counts."""

    def __init__(self, channel: Channel, default: Route, by_prefix: Iterable[tuple[str, Route]] = ()) -> None:
        self._default, self._by_prefix = default, dict(by_prefix)
        lengths = tuple(sorted({len(prefix) for prefix in self._by_prefix}, reverse=True))
        self._prefixes = partial(_beginnings, lengths) if channel is Channel.SMS else _domains

    @property
    def only_route(self) -> Route | None:
        """Return the route that all recipients share, or None if their addresses tell."""
        return None if self._by_prefix else self._default

    @property
    def providers(self) -> set[str]:
        """Return the providers of all routes."""
        return {target.provider for each in (self._default, *self._by_prefix.values()) for target in each.targets}

    def route_of(self, address: str) -> Route:
        """Return the route of a recipient. The address is normalised (core/addresses)."""
        by_prefix = self._by_prefix
        return next((by_prefix[prefix] for prefix in self._prefixes(address) if prefix in by_prefix), self._default)


class Routes:
    """Routes of an installation.

    A rule that names the tenant goes before one that names the category, and both before one that names neither. Of the
    rules that are equal in this, those with a prefix hold for their recipients, and the one without for all others.
    """

    def __init__(self, rules: Sequence[RouteRule] = ()) -> None:
        self._rules = rules
        shared = {target.provider for rule in rules if rule.tenant is None for target in rule.route.targets}
        self._owners: dict[str, frozenset[str]] = {}
        for rule in rules:
            for target in rule.route.targets if rule.tenant is not None else ():
                if target.provider not in shared:
                    owners = self._owners.get(target.provider, frozenset())
                    self._owners[target.provider] = owners | {str(rule.tenant)}

    def owners(self, provider: str) -> frozenset[str] | None:
        """Return the tenants that alone may use a provider, or None if all may.

        A provider that is only in routes of named tenants is theirs.
        """
        return self._owners.get(provider)

    def may_use(self, provider: str, tenant: str) -> bool:
        """Return whether a tenant may use a provider."""
        owners = self._owners.get(provider)
        return owners is None or tenant in owners

    def table(self, channel: Channel, tenant: str, category: Category, default: Route) -> RouteTable:
        """Return the routes of a request. `default` is for recipients without a rule."""
        found: dict[str, tuple[tuple[bool, bool], Route]] = {}
        for rule in self._rules:
            if rule.channel is not channel or rule.tenant not in (None, tenant):
                continue
            if rule.category not in (None, category):
                continue
            rank, prefix = (rule.tenant is not None, rule.category is not None), rule.prefix or ""
            if prefix not in found or rank > found[prefix][0]:
                found[prefix] = rank, rule.route
        general_rank, general = found.pop("", ((False, False), default))
        narrower = [(prefix, route) for prefix, (rank, route) in found.items() if rank >= general_rank]
        return RouteTable(channel, general, narrower)


def _beginnings(lengths: Sequence[int], number: str) -> Iterator[str]:
    """Yield the beginnings of a number that have these lengths."""
    return (number[:length] for length in lengths)


def _domains(address: str) -> Iterator[str]:
    """Yield the domain of an e-mail address, and the domains that it is a subdomain of."""
    domain = address.rpartition("@")[2].lower()
    while domain:
        yield domain
        domain = domain.partition(".")[2]
