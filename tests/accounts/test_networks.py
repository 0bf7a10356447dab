from __future__ import annotations

import pytest

from accounts import networks


def test_one_address_is_a_network_of_its_own() -> None:
    assert str(networks.network(" 192.0.2.7 ")) == "192.0.2.7/32"


def test_the_host_part_of_a_network_is_dropped() -> None:
    assert str(networks.network("192.0.2.7/24")) == "192.0.2.0/24"


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="localhost"):
        networks.network("localhost")


@pytest.mark.parametrize(
    "address, holds",
    [
        ("192.0.2.200", True),
        ("::ffff:192.0.2.200", True),
        ("2001:db8::1", True),
        ("192.0.3.1", False),
        ("2001:db9::1", False),
        ("", False),
        ("unix:", False),
    ],
)
def test_only_addresses_in_a_network_are_within_it(address: str, holds: bool) -> None:
    allowed = networks.networks(["192.0.2.0/24", "2001:db8::/32"])

    assert networks.is_within(address, allowed) is holds
