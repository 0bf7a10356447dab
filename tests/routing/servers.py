"""Far ends on loopback, real sockets and all: well-behaved, slow, endless, broken."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class FarEnd:
    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@contextlib.contextmanager
def serve(behaviour: Behaviour, *, tls: ssl.SSLContext | None = None) -> Iterator[FarEnd]:
    """A server in a thread of its own. `behaviour` is called for each request, after its head and body have been read."""
    far_end, ready, ended = FarEnd(), threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_end.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while not writer.is_closing():
                far_end.requests.append(await _read_request(reader))
                await behaviour(reader, writer)
                await writer.drain()
        writer.transport.abort()

    async def work() -> None:
        async with await asyncio.start_server(take, "127.0.0.1", 0, ssl=tls) as server:
            loops.append(asyncio.get_running_loop())
            far_end.port = server.sockets[0].getsockname()[1]
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(work()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield far_end
    finally:
        loops[0].call_soon_threadsafe(ended.set)
        thread.join(10)


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    return head + (await reader.readexactly(length) if length else b"")


def answer(status: str = "200 OK", body: bytes = b"", **headers: str) -> Behaviour:
    """Says the same to everybody, and keeps the connection."""
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(body)}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    text = "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)

    return say


def raw(*pieces: bytes, pause: float = 0, repeat: bool = False, hang_up: bool = False) -> Behaviour:
    """Says pieces as they are, with a pause after each."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        while repeat:
            writer.write(pieces[-1])
            await writer.drain()
            await asyncio.sleep(pause)
        if hang_up:
            await writer.drain()
            writer.close()
        else:
            await asyncio.sleep(3600)

    return say


@dataclass(frozen=True)
class Papers:
    """A certificate authority of the test's own, and a server's certificate signed by it."""

    server: ssl.SSLContext
    trust: ssl.SSLContext


def papers(folder: Path, *, name: str = "hooks.example", expired: bool = False, trusted: bool = True) -> Papers:
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _certificate("Test authority", ca_key, "Test authority", ca_key, is_ca=True)
    certificate = _certificate(name, key, "Test authority", ca_key, expired=expired)
    pem = serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    trust = ssl.create_default_context(cadata=ca.public_bytes(pem).decode() if trusted else None)
    return Papers(server=server, trust=trust)


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    is_ca: bool = False,
    expired: bool = False,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    until = now + datetime.timedelta(days=-1 if expired else 30)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=30))
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if not is_ca:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())
