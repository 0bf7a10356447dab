"""A real mail server on the loopback (RFC 5321, as far as a client needs it), which keeps what it is given."""

from __future__ import annotations

import email
import email.policy
import socketserver
import threading
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Self


@dataclass(frozen=True)
class Mail:
    to: list[str]
    message: EmailMessage

    @property
    def text(self) -> str:
        return str(self.message.get_content()).replace("\r\n", "\n")


@dataclass
class Postbox:
    """Takes everything, or answers `refusal` to every sender."""

    refusal: str = ""
    mails: list[Mail] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._session)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _session(self, connection: object, address: object, server: socketserver.BaseServer) -> None:
        _Session(connection, address, server, postbox=self)


class _Session(socketserver.StreamRequestHandler):
    def __init__(self, *args: object, postbox: Postbox) -> None:
        self._postbox = postbox
        super().__init__(*args)  # type: ignore[arg-type]

    def handle(self) -> None:
        to: list[str] = []
        self._say("220 postbox")
        while line := self.rfile.readline().decode().strip():
            verb = line.upper()
            if verb.startswith("MAIL") and self._postbox.refusal:
                self._say(self._postbox.refusal)
            elif verb.startswith("RCPT"):
                to.append(line.partition("<")[2].partition(">")[0])
                self._say("250 ok")
            elif verb == "DATA":
                self._say("354 go on")
                self._take(to)
                self._say("250 kept")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _take(self, to: list[str]) -> None:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        message = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self._postbox.mails.append(Mail(list(to), message))

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())
