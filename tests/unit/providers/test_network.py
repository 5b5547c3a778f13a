"""Addresses that the provider of a tenant may connect to."""

from ipaddress import ip_address, ip_network

import pytest

from providers.network import Network, inside_problem

NOTHING_PERMITTED = Network()

PUBLIC = [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2a00:1450:4001::5efe:808:808",  # ISATAP of 8.8.8.8
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]

INSIDE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.0",
    "100.100.100.200",  # metadata of Alibaba Cloud
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "168.63.129.16",  # of Azure
    "169.254.0.0",
    "169.254.169.254",  # metadata of most clouds
    "172.16.0.0",
    "172.31.255.255",
    "192.0.0.192",  # metadata of Oracle Cloud
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.0",
    "192.168.255.255",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::1%lo",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:0.0.0.0",
    "::ffff:127.0.0.1",
    "::ffff:127.0.0.1%eth0",
    "::ffff:10.1.2.3",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",  # translated by SIIT (RFC 7915)
    "64:ff9b::127.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::8.8.8.8",
    "64:ff9b:1:ffff::a00:1",
    "100::1",
    "2001::1",
    "2001:0:808:808:0:0:80ff:fffe",  # Teredo
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:808:808::1",
    "2a00:1450:4001::5efe:10.0.0.1",  # ISATAP
    "2a00:1450:4001::200:5efe:127.0.0.1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",  # metadata of AWS
    "fd20:ce::254",  # metadata of Google Cloud
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert NOTHING_PERMITTED.allows(ip_address(address))


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_of_the_inside_is_refused(address: str) -> None:
    assert not NOTHING_PERMITTED.allows(ip_address(address))


@pytest.mark.parametrize(
    ("permitted", "address", "allowed"),
    [
        ("10.1.0.0/16", "10.1.255.255", True),
        ("10.1.0.0/16", "10.2.0.0", False),
        ("10.1.0.0/16", "::ffff:10.1.0.1", True),
        ("10.1.0.0/16", "::ffff:10.2.0.1", False),
        ("10.1.0.0/16", "64:ff9b::10.1.0.1", False),
        ("10.1.0.0/16", "8.8.8.8", True),
        ("::ffff:10.1.0.0/112", "::ffff:10.1.0.1", True),
        ("::ffff:10.1.0.0/112", "10.1.0.1", False),
        ("fd00:1::/32", "fd00:1::5", True),
        ("fd00:1::/32", "fd00:2::5", False),
        ("fe80::/10", "fe80::1%eth0", True),
        ("127.0.0.1/32", "::1", False),
    ],
)
def test_a_range_of_the_operator_permits_its_addresses_only(permitted: str, address: str, *, allowed: bool) -> None:
    assert Network([ip_network(permitted)]).allows(ip_address(address)) is allowed


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0",
        "::1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "fe80::1%eth0",
        "localhost",
        "LOCALHOST.",
        "db.localhost",
    ],
)
def test_a_host_that_is_an_address_of_the_inside_is_named(host: str) -> None:
    assert inside_problem(host, NOTHING_PERMITTED) == "must be a public address"


@pytest.mark.parametrize(
    "host", ["8.8.8.8", "[2606:4700:4700::1111]", "gateway.example", "10.example", "a\0b", "", "é"]
)
def test_a_public_address_and_a_name_are_no_problem(host: str) -> None:
    assert inside_problem(host, NOTHING_PERMITTED) is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433"])
def test_a_host_within_a_range_of_the_operator_is_no_problem(host: str) -> None:
    assert inside_problem(host, Network([ip_network("127.0.0.0/8")])) is None
