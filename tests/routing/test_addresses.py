"""Which addresses are public: what embeds an IPv4 address is judged as that address, and only global unicast counts."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing import addresses
from routing.addresses import Target

PUBLIC = [
    *("1.1.1.1", "93.184.216.34", "11.0.0.1", "172.15.255.255", "172.32.0.1", "192.167.255.255", "192.169.0.1", "100.63.255.255"),
    *("100.128.0.1", "169.253.255.255", "169.255.0.1", "223.255.255.255", "168.63.129.15", "192.0.1.1", "198.17.255.255", "198.20.0.1"),
    *("2606:4700:4700::1111", "2a00:1450:4001:81b::200e", "2001:4860:4860::8888", "2003::1", "3ffe::1"),
    *("64:ff9b::93.184.216.34", "64:ff9b::101:101", "2606:4700::5efe:101:101"),
]
INNER = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "161.26.0.10", "166.9.1.1"),
    *("168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.0.9", "192.0.2.1"),
    *("192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250"),
    *("240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::ffff:0:10.0.0.1", "64:ff9b::127.0.0.1"),
    *("64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "64:ff9b:1:7f00:0:100::", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:80ff:fffe"),
    *("2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:101:101::1", "3fff::1"),
    *(
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700::1%eth0",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
    ),
    *("2606:4700::5efe:7f00:1", "2606:4700::200:5efe:a00:1", "4000::1", "8000::1"),
]


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_public(text: str) -> None:
    assert addresses.is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", INNER)
def test_an_inner_address_is_not(text: str) -> None:
    assert not addresses.is_public(ipaddress.ip_address(text))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_that_python_calls_inner_is_never_public(address: IPv4Address) -> None:
    reachable = address.is_global and not (address.is_multicast or address.is_reserved)
    assert reachable or not addresses.is_public(address)


EMBEDDINGS = {
    "mapped": lambda low: 0xFFFF << 32 | low,
    "compatible": lambda low: low,
    "translated": lambda low: 0xFFFF << 48 | low,
    "nat64": lambda low: 0x64_FF9B << 96 | low,
    "local nat64": lambda low: 0x64_FF9B_0001 << 80 | low,
    "6to4": lambda low: 0x2002 << 112 | low << 80,
    "teredo": lambda low: 0x2001_0000 << 96 | (low ^ 0xFFFF_FFFF),
    "isatap": lambda low: 0x2606_4700 << 96 | 0x5EFE << 32 | low,
}


@pytest.mark.parametrize("embed", EMBEDDINGS.values(), ids=EMBEDDINGS.keys())
@given(st.ip_addresses(v=4))
def test_no_embedding_makes_an_inner_address_public(embed, address: IPv4Address) -> None:
    assert addresses.is_public(address) or not addresses.is_public(IPv6Address(embed(int(address))))


@given(st.ip_addresses(v=6))
def test_only_global_unicast_and_nat64_are_public(address: IPv6Address) -> None:
    if addresses.is_public(address):
        assert address in ipaddress.ip_network("2000::/3") or address in ipaddress.ip_network("64:ff9b::/96")


def test_the_operators_lines_are_read_in_every_form() -> None:
    assert addresses.parse("10.0.0.0/8") == Target(ipaddress.ip_network("10.0.0.0/8"), None)
    assert addresses.parse(" 127.0.0.1/32:9000 ") == Target(ipaddress.ip_network("127.0.0.1/32"), 9000)
    assert addresses.parse("127.0.0.1:9000") == Target(ipaddress.ip_network("127.0.0.1/32"), 9000)
    assert addresses.parse("fd00::/8") == Target(ipaddress.ip_network("fd00::/8"), None)
    assert addresses.parse("[fd00::/8]:8443") == Target(ipaddress.ip_network("fd00::/8"), 8443)
    assert addresses.parse("[::1]:80") == Target(ipaddress.ip_network("::1/128"), 80)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "10.0.0.0/8:0",
        "10.0.0.0/8:65536",
        "10.0.0.0/8:x",
        "[::1",
        "[::1]:",
        "1.2.3.4:٣",
        "[10.0.0.0/8",
        "fd00::/8:80x",
        "[fd00::/8]80",
    ],
)
def test_a_line_that_can_not_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write a network|the port must"):
        addresses.parse(text)


def test_a_line_covers_its_network_and_its_port_alone() -> None:
    line = addresses.parse("10.0.0.0/8:8443")
    assert line.covers(IPv4Address("10.1.2.3"), 8443)
    assert not line.covers(IPv4Address("10.1.2.3"), 443)
    assert not line.covers(IPv4Address("11.1.2.3"), 8443)
    assert not line.covers(IPv6Address("::ffff:10.1.2.3"), 8443)
