"""The guard of outgoing calls: where a URL that somebody else chose may lead us.

It holds where the socket connects, on the very address that is about to be used, on every attempt (`tls_socket`, `plain_socket`: aiohttp's
`socket_factory`). The check while saving (`check_url`) only saves a round trip: it resolves no name.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Container
from typing import Any

import idna
from django.conf import settings

from accounts.refusals import FieldError, Refusal
from routing import addresses
from routing.addresses import Address, Target

LONGEST = 2_000
PUBLIC_PORTS = frozenset({443, 8443})
MAIL_PORTS = frozenset({25, 465, 587, 2525})

_URL = re.compile(r"(https?)://([^/?]*)(?:[/?].*)?", re.ASCII | re.IGNORECASE | re.DOTALL)
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:@%]+))(?::([1-9][0-9]{0,4}))?", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_OTHER_DOTS = frozenset("\u3002\uff0e\uff61")
# Names that only ever mean something inside a network (RFC 6761, 6762, 8375, and the habits of clouds, routers and clusters).
_INNER = frozenset({"localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "home", "lan", "arpa", "svc"})


class TargetRefused(Refusal):
    """The URL is none that we would ever call."""

    code = "url_refused"
    title = "The URL can't be used."

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message, errors=[FieldError(field=field, code=self.code, message=message)])


class AddressRefused(OSError):
    """The address that the socket would connect to is neither public nor named by the operator."""


def allowed() -> tuple[Target, ...]:
    """The operator's allow-list; raises ValueError for a line that can't be read (the system check says so at start)."""
    return addresses.parse_all(settings.QSURA_ALLOWED_PRIVATE_TARGETS)


def tls_socket(info: tuple[Any, ...]) -> socket.socket:
    """A socket for HTTPS to that address (a row of getaddrinfo); raises AddressRefused."""
    return _socket(info, is_tls=True)


def mail_socket(info: tuple[Any, ...], *, is_tls: bool) -> socket.socket:
    """A socket for SMTP to that address: public ones by TLS on mail's own ports, others only where the operator has named them.

    Raises AddressRefused.
    """
    return _socket(info, is_tls=is_tls, ports=MAIL_PORTS)


def plain_socket(info: tuple[Any, ...]) -> socket.socket:
    """A socket for plain HTTP to that address, which the operator must have named; raises AddressRefused."""
    return _socket(info, is_tls=False)


def _socket(info: tuple[Any, ...], *, is_tls: bool, ports: Container[int] = PUBLIC_PORTS) -> socket.socket:
    family, kind, protocol, _, where = info
    address = addresses.read(str(where[0]))
    # One constant text: with several addresses refused, aiohttp raises the first of equal errors as it is.
    if address is None or not may_connect(address, where[1], is_tls=is_tls, ports=ports):
        raise AddressRefused("the address is refused")
    return socket.socket(family, kind, protocol)


def may_connect(address: Address, port: int, *, is_tls: bool, ports: Container[int] = PUBLIC_PORTS) -> bool:
    """Public addresses by TLS on the usual ports; anything else only where the operator's allow-list names it."""
    if is_tls and port in ports and addresses.is_public(address):
        return True
    return any(target.covers(address, port) for target in allowed())


def may_keep(address: Address, port: int, *, is_tls: bool) -> bool:
    """For a connection that is kept (SMPP), whose ports are as many as operators: public addresses by TLS; anything else only where the
    operator's allow-list names it."""
    if is_tls and addresses.is_public(address):
        return True
    return any(target.covers(address, port) for target in allowed())


def check_url(url: str, *, field: str) -> None:
    """Refuse while saving what could never be called; raises TargetRefused, naming `field` and the way out."""
    try:
        _check(url)
    except ValueError as error:
        raise TargetRefused(str(error), field=field) from error


def check_mail_server(host: str, port: int, *, is_tls: bool) -> None:
    """Refuse while saving a server that no letter could be brought to; raises TargetRefused, naming `host`, `port` or `security`."""
    try:
        name = _ascii(host)
        address = _literal(name, is_bracketed=":" in name)
        labels = [] if address else _labels(name)
    except ValueError as error:
        raise TargetRefused(str(error), field="host") from error
    if may_connect(address, port, is_tls=is_tls, ports=MAIL_PORTS) if address else _may_be_named(labels, port, is_tls=is_tls):
        return
    if _is_inner(labels) if address is None else not addresses.is_public(address):
        raise TargetRefused(f"Use a public mail server: this one stands inside a network. {_OR_NAMED}", field="host")
    if not is_tls:
        raise TargetRefused(f"Choose starttls or tls: a public server gets no letter in the clear. {_OR_NAMED}", field="security")
    if port not in MAIL_PORTS:
        ports = ", ".join(str(each) for each in sorted(MAIL_PORTS))
        raise TargetRefused(f"Use one of the ports {ports}: public mail servers are reached on no other. {_OR_NAMED}", field="port")


_OR_NAMED = "Or have its address named in QSURA_ALLOWED_PRIVATE_TARGETS."


def _check(url: str) -> None:
    _check_text(url)
    found = _URL.fullmatch(url)
    if not found:
        raise ValueError("Write a complete URL that begins with https:// and names a host.")
    is_tls, authority = found[1].lower() == "https", _AUTHORITY.fullmatch(found[2])
    if not authority:
        raise ValueError("Write the host as a plain name, with nothing before it (no user, no password) and at most a port behind it.")
    port = int(authority[3] or (443 if is_tls else 80))
    if port > 65_535:
        raise ValueError("Choose a port from 1 to 65535.")
    host = authority[1] or _ascii(authority[2])
    address = _literal(host, is_bracketed=bool(authority[1]))
    if address is None:
        _check_name(host, port, is_tls=is_tls)
    elif not may_connect(address, port, is_tls=is_tls):
        raise ValueError(
            _way_out(is_tls=is_tls, port=port) or "Use a public address: this one is private, reserved or belongs to a network's inside."
        )


def _check_text(url: str) -> None:
    if len(url) > LONGEST:
        raise ValueError(f"Use a URL of at most {LONGEST:,} characters.")
    if "\\" in url or "#" in url:
        raise ValueError("Leave out backslashes and fragments (#...): they mean different things to different readers, and are never sent.")
    # Spaces, controls, invisible characters and lone surrogates: different readers skip, cut or keep them.
    if not all(character.isprintable() and not character.isspace() for character in url):
        raise ValueError("Leave out spaces, line ends and invisible characters, or percent-encode them.")


def _ascii(host: str) -> str:
    """The name as DNS knows it; other alphabets by strict IDNA 2008, without mapping, so that no look-alike becomes a number."""
    host = host.lower()
    if host.isascii():
        return host
    try:
        if _OTHER_DOTS & set(host):
            raise idna.IDNAError("a dot of another alphabet")
        return idna.encode(host).decode()
    except idna.IDNAError as error:
        raise ValueError("Write the host in plain letters, or in its xn-- form.") from error


def _literal(host: str, *, is_bracketed: bool) -> Address | None:
    """The address that the host is, or None for a name; raises ValueError for every odd way to write an address."""
    last = host.rstrip(".").rpartition(".")[2]
    if not is_bracketed and not _NUMBER.fullmatch(last):
        return None
    address = addresses.read(host)
    if address is None or (address.version == 6) is not is_bracketed:
        raise ValueError("Write an address in its usual form (93.184.216.34, [2606:4700::1111]), or better use a name.")
    return address


def _check_name(host: str, port: int, *, is_tls: bool) -> None:
    labels = _labels(host)
    if _may_be_named(labels, port, is_tls=is_tls):
        return
    if _is_inner(labels):
        raise ValueError("Use a public domain name: this one only means something inside a network.")
    if problem := _way_out(is_tls=is_tls, port=port):
        raise ValueError(problem)


def _labels(host: str) -> list[str]:
    labels = host.removesuffix(".").split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("Write the host as a domain name: labels of letters, digits and hyphens, with single dots between them.")
    return labels


def _may_be_named(labels: list[str], port: int, *, is_tls: bool) -> bool:
    """Whether the operator's allow-list may mean that name."""
    if labels == ["localhost"]:
        return any(may_connect(loopback, port, is_tls=is_tls) for loopback in _LOOPBACK)
    # Only the resolver knows what the name means, and only the socket asks it: here, any line that could name its address is enough.
    return any(target.opens(port) and not target.network.is_loopback for target in allowed())


def _is_inner(labels: list[str]) -> bool:
    return len(labels) == 1 or labels[-1] in _INNER


_LOOPBACK: tuple[Address, ...] = tuple(address for text in ("127.0.0.1", "::1") if (address := addresses.read(text)))


def _way_out(*, is_tls: bool, port: int) -> str:
    """What keeps a public host from being called, or nothing."""
    if not is_tls:
        return "Use https://: plain HTTP is refused."
    if port not in PUBLIC_PORTS:
        return "Use port 443 or 8443: other ports are refused."
    return ""
