"""Addresses and the networks that hold them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def network(text: str) -> Network:
    """`192.0.2.0/24`, `2001:db8::/32` or one address; raises ValueError."""
    return ipaddress.ip_network(text.strip(), strict=False)


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Each one as a network; raises ValueError."""
    return tuple(network(text) for text in texts)


def address(text: str) -> Address | None:
    """The address, an IPv4 one out of its IPv6 wrapping (`::ffff:192.0.2.1`); None if it is none."""
    try:
        found = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def is_within(text: str, allowed: Iterable[Network]) -> bool:
    """Whether one of the networks holds the address; what is no address is nowhere."""
    found = address(text)
    return found is not None and any(found in each for each in allowed)
