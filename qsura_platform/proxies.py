"""Whose address a request comes from, where reverse proxies stand in front (TRUSTED_PROXIES)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from accounts import networks

_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT", "HTTP_FORWARDED")


def settle(environ: dict[str, Any], *, trusted: Sequence[str]) -> None:
    """Put the client's own address into REMOTE_ADDR, and drop what anybody but a trusted proxy claims about forwarding."""
    known = _networks(tuple(trusted))
    address = str(environ.get("REMOTE_ADDR", ""))
    if not networks.is_within(address, known):
        for name in _FORWARDED:
            environ.pop(name, None)
        return
    environ["REMOTE_ADDR"] = _client(environ.get("HTTP_X_FORWARDED_FOR", ""), known) or address


def _client(chain: str, known: tuple[networks.Network, ...]) -> str:
    """The last address that is not a proxy of ours: everything before it was written by strangers."""
    for text in reversed(chain.split(",")):
        found = networks.address(text)
        if found is None:
            return ""
        if not networks.is_within(str(found), known):
            return str(found)
    return ""


@lru_cache(maxsize=8)
def _networks(texts: tuple[str, ...]) -> tuple[networks.Network, ...]:
    return networks.networks(texts)
