"""How a configured provider and we prove ourselves to each other: an HMAC over what is sent, a secret in a header, or a password."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from routing.providers import wire

ALGORITHMS = {"sha256": hashlib.sha256, "sha512": hashlib.sha512, "sha1": hashlib.sha1}
_PART = re.compile(r"\{([a-z_]+)\}|([^{]+|\{)")


@dataclass(frozen=True, slots=True)
class Signature:
    """An HMAC: over what, by which hash, and where and how it is written."""

    algorithm: str
    over: str
    """Words with gaps: `{timestamp}.{body}`; a request's may have `{method}`, `{path}` and `{reference}` too."""
    header: str
    encoding: Literal["hex", "base64"]
    prefix: str
    timestamp_header: str
    """Empty where no time is signed; the time is in Unix seconds."""

    def write(self, secret: bytes, parts: Mapping[str, bytes]) -> str:
        """The header's value."""
        signed = b"".join(parts[gap] if gap else literal.encode() for gap, literal in _PART.findall(self.over))
        digest = hmac.digest(secret, signed, ALGORITHMS[self.algorithm])
        return self.prefix + (digest.hex() if self.encoding == "hex" else base64.b64encode(digest).decode())

    def covers(self, secrets: Iterable[bytes], headers: Mapping[str, str], body: bytes) -> bool:
        given, timestamp = headers.get(self.header, ""), headers.get(self.timestamp_header, "") if self.timestamp_header else ""
        parts = {"body": body, "timestamp": wire.encode(timestamp)}
        return any([wire.same(given, self.write(secret, parts)) for secret in secrets])

    def signed_at(self, headers: Mapping[str, str]) -> datetime | None:
        """The time that was signed, if any is. One that can't be read is long ago, so that nobody leaves it out to stay fresh."""
        if not self.timestamp_header:
            return None
        return wire.moment(headers.get(self.timestamp_header)) or datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """The secret itself, behind a prefix, in a header."""

    header: str
    prefix: str = ""

    def covers(self, secrets: Iterable[bytes], headers: Mapping[str, str], body: bytes) -> bool:
        given = wire.encode(headers.get(self.header, ""))
        return any([hmac.compare_digest(given, self.prefix.encode() + secret) for secret in secrets])

    def signed_at(self, headers: Mapping[str, str]) -> None:
        return


@dataclass(frozen=True, slots=True)
class Password:
    """HTTP Basic, with the secret as its password."""

    user: str

    def covers(self, secrets: Iterable[bytes], headers: Mapping[str, str], body: bytes) -> bool:
        given = headers.get("authorization", "")
        return any([wire.same(given, wire.basic(self.user, secret.decode("utf-8", "surrogatepass"))) for secret in secrets])

    def signed_at(self, headers: Mapping[str, str]) -> None:
        return


@dataclass(frozen=True, slots=True)
class QueryKey:
    """The secret as a parameter of the URL; only for what we send."""

    name: str


Proof = Signature | SharedSecret | Password
