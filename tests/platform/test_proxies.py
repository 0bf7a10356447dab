from __future__ import annotations

import pytest

from qsura_platform import proxies

OURS = ["10.0.0.0/8", "fd00::/8"]


def settled(address: str, chain: str | None) -> str:
    environ = {"REMOTE_ADDR": address} | ({} if chain is None else {"HTTP_X_FORWARDED_FOR": chain})
    proxies.settle(environ, trusted=OURS)
    return environ["REMOTE_ADDR"]


@pytest.mark.parametrize(
    "address, chain, client",
    [
        ("203.0.113.9", "1.1.1.1", "203.0.113.9"),  # a stranger's claim
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),  # what stands before the last stranger, he wrote himself
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9:4711", "10.0.0.1"),
        ("::ffff:10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        ("fd00::1", "2001:db8::9", "2001:db8::9"),
        ("", "203.0.113.9", ""),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy_of_ours(address: str, chain: str | None, client: str) -> None:
    assert settled(address, chain) == client


def test_a_stranger_s_claims_are_dropped_altogether() -> None:
    environ = {"REMOTE_ADDR": "203.0.113.9", "HTTP_X_FORWARDED_PROTO": "https", "HTTP_FORWARDED": "for=1.1.1.1", "HTTP_HOST": "q.example"}

    proxies.settle(environ, trusted=OURS)

    assert environ == {"REMOTE_ADDR": "203.0.113.9", "HTTP_HOST": "q.example"}
