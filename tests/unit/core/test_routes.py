"""Routes: which rule a recipient gets, and which provider of a route a window gets."""

from collections import Counter
from random import Random

import pytest

from core.routes import Route, RouteRule, Routes, RouteTable, Target
from schemas.statuses import Category, Channel

SMS, EMAIL, MARKETING, NOTICE = Channel.SMS, Channel.EMAIL, Category.MARKETING, Category.TRANSACTIONAL


def to(*names: str) -> Route:
    return Route(tuple(Target(name, at) for at, name in enumerate(names)))


def rule(name: str, channel: Channel = SMS, **conditions: object) -> RouteRule:
    return RouteRule(channel, to(name), **conditions)  # type: ignore[arg-type]


RULES = [
    rule("all"),
    rule("china", prefix="+86"),
    rule("hong kong", prefix="+852"),
    rule("shanghai", prefix="+8621"),
    rule("newsletters", category=MARKETING),
    rule("newsletters to china", category=MARKETING, prefix="+86"),
    rule("acme", tenant="acme"),
    rule("acme to china", tenant="acme", prefix="+86"),
    rule("codes of acme", tenant="acme", category=NOTICE),
    rule("mails", EMAIL),
    rule("example", EMAIL, prefix="example.org"),
]


@pytest.mark.parametrize(
    ("tenant", "category", "address", "name"),
    [
        ("t", NOTICE, "+4930123456", "all"),
        ("t", NOTICE, "+8613800138000", "china"),
        ("t", NOTICE, "+85261234567", "hong kong"),
        ("t", NOTICE, "+862112345678", "shanghai"),
        ("t", MARKETING, "+4930123456", "newsletters"),
        ("t", MARKETING, "+862112345678", "newsletters to china"),
        ("acme", MARKETING, "+4930123456", "acme"),
        ("acme", MARKETING, "+862112345678", "acme to china"),
        ("acme", NOTICE, "+8613800138000", "codes of acme"),
    ],
)
def test_a_rule_with_a_tenant_goes_first_then_one_with_a_category_then_the_longest_prefix(
    tenant: str, category: Category, address: str, name: str
) -> None:
    assert Routes(RULES).table(SMS, tenant, category, to("default")).route_of(address) == to(name)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("a@example.org", "example"),
        ("a@News.Example.ORG", "example"),
        ("a@notexample.org", "mails"),
        ("example.org@other.net", "mails"),
    ],
)
def test_a_domain_stands_for_its_subdomains(address: str, name: str) -> None:
    assert Routes(RULES).table(EMAIL, "t", NOTICE, to("default")).route_of(address) == to(name)


def test_recipients_without_a_rule_get_the_default() -> None:
    table = Routes([rule("china", prefix="+86")]).table(SMS, "t", NOTICE, to("default"))
    assert (table.route_of("+4930123456"), table.route_of("+8613800138000")) == (to("default"), to("china"))
    assert table.only_route is None
    assert Routes().table(SMS, "t", NOTICE, to("default")).only_route == to("default")


def test_a_provider_that_is_only_in_routes_of_tenants_is_theirs() -> None:
    rules = [rule("own", tenant="acme"), rule("own", tenant="b"), rule("both", tenant="acme"), rule("both")]
    routes = Routes(rules)
    assert routes.owners("own") == {"acme", "b"}
    assert [routes.may_use("own", tenant) for tenant in ("acme", "b", "c")] == [True, True, False]
    assert routes.may_use("both", "c")
    assert routes.may_use("without a route", "c")


def test_the_lowest_priority_number_goes_first_whatever_the_weights() -> None:
    route = Route((Target("second", 2, 1_000), Target("first", 1)))
    assert route.pick(Random(1).random) == "first"
    assert route.among(["second"]).pick(Random(1).random) == "second"
    assert route.among([]).pick(Random(1).random) is None


def test_providers_of_one_priority_share_the_windows_by_weight() -> None:
    route, draw = Route((Target("a", 0, 7), Target("b", 0, 3), Target("last", 1, 100))), Random(1).random
    shares = Counter(route.pick(draw) for _ in range(10_000))
    assert shares.keys() == {"a", "b"}
    assert 6_800 < shares["a"] < 7_200


def test_a_thousand_prefixes_cost_no_more_than_their_lengths() -> None:
    """The time of a chunk with a thousand routes must not depend on their number."""
    narrower = [(f"+86{number:04}", to(f"p{number}")) for number in range(1_000)]
    table = RouteTable(SMS, to("default"), [*narrower, ("+86", to("china"))])

    compared = 0

    class Counted(str):
        __slots__ = ()

        def __getitem__(self, at: object) -> str:
            nonlocal compared
            compared += 1
            return str.__getitem__(self, at)  # type: ignore[index]

    assert [table.route_of(Counted(number)) for number in ("+86099912345", "+8613800138000", "+4930123456")] == [
        to("p999"),
        to("china"),
        to("default"),
    ]
    assert compared == 5
