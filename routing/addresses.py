"""Which addresses belong to the public internet, and which others the operator has named.

Python's `is_global` is not enough: depending on the release it passes 6to4, NAT64, IPv4-compatible and site-local addresses, multicast,
and the clouds' own services on public-looking addresses. So the rule for IPv6 is turned round: only what is global unicast today counts.
Sources: IANA's special-purpose address registries (RFC 6890), RFC 6052 and 8215 (NAT64), RFC 7526 (6to4), and the clouds' own pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

# [network]:port, network:port, and IPv6 without a port
_LINE = re.compile(r"(?:\[([^\[\]]+)\]|([^:\[\]]+)|([^:\[\]]*:[^\[\]]*:[^\[\]]*))(?::([0-9]{1,5}))?", re.ASCII)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_IPV4_REFUSED = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers; Alibaba's metadata (100.100.100.200)
        "127.0.0.0/8",
        "161.26.0.0/16",  # IBM Cloud's inner services, on a public-looking range
        "166.8.0.0/14",  # the same
        "168.63.129.16/32",  # Azure's wire server, on a public-looking address
        "169.254.0.0/16",  # link-local; most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata (192.0.0.192)
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # automatic multicast tunnelling
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_IPV6_GLOBAL = IPv6Network("2000::/3")
_IPV6_REFUSED = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: given up, and it carries any IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
# DNS64 answers with this prefix for every receiver that has IPv4 only, so a host without IPv4 needs it. Its local sister 64:ff9b:1::/48
# has no fixed place for the IPv4 address, and stays refused.
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})  # RFC 5214: an interface id that carries an IPv4 address


def is_public(address: Address) -> bool:
    """Whether a stranger may have us connect there. An IPv4 address inside an IPv6 one counts as itself."""
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _IPV4_REFUSED)
    if address.scope_id is not None:
        return False
    low = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _NAT64:
        return is_public(low)
    if (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP and not is_public(low):
        return False
    return address in _IPV6_GLOBAL and not any(address in network for network in _IPV6_REFUSED)


@dataclass(frozen=True, slots=True)
class Target:
    """One line of the operator's allow-list: a network, and the one port that it opens (None: every port)."""

    network: Network
    port: int | None

    def covers(self, address: Address, port: int) -> bool:
        return self.opens(port) and address.version == self.network.version and address in self.network

    def opens(self, port: int) -> bool:
        return self.port is None or self.port == port


def parse(text: str) -> Target:
    """`10.0.0.0/8`, `127.0.0.1/32:9000`, `fd00::/8`, `[fd00::/8]:9000`; raises ValueError saying what is wrong."""
    line = _LINE.fullmatch(text.strip())
    network, port = (line[1] or line[2] or line[3], line[4]) if line else ("", None)
    if port and not 0 < int(port) < 65_536:
        raise ValueError(f"{text!r}: the port must be a number from 1 to 65535")
    try:
        return Target(network=ip_network(network), port=int(port) if port else None)
    except ValueError as error:
        raise ValueError(f"{text!r}: write a network as 10.0.0.0/8, 10.0.0.0/8:9000 or [fd00::/8]:9000 ({error})") from error


@lru_cache(maxsize=8)
def _parse_all(texts: tuple[str, ...]) -> tuple[Target, ...]:
    return tuple(parse(text) for text in texts)


def parse_all(texts: Iterable[str]) -> tuple[Target, ...]:
    """The whole list; raises ValueError for its first wrong line."""
    return _parse_all(tuple(texts))


def read(text: str) -> Address | None:
    """The address that a canonical literal names, or None."""
    try:
        return ip_address(text)
    except ValueError:
        return None
