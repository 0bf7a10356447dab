"""Letters that come back (RFC 3464), and the words in which a mail server refuses one (RFC 5321, 3463)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from simulator import faults
from simulator.faults import Said, Trouble
from simulator.message import Message


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server says of a trouble: to the recipient's name, or behind the letter once it has read it."""

    code: int
    status: str
    is_behind_the_letter: bool = False

    def __str__(self) -> str:
        return f"{self.code} {self.status}"


REPLIES: Mapping[Trouble, Reply] = {
    faults.UNREACHABLE: Reply(552, "5.2.2"),
    faults.NO_SUCH_RECIPIENT: Reply(550, "5.1.1"),
    faults.OPTED_OUT: Reply(554, "5.7.1", is_behind_the_letter=True),
    faults.TEMPLATE: Reply(552, "5.3.4", is_behind_the_letter=True),
    faults.REVOKED: Reply(535, "5.7.8"),
    faults.WINDOW: Reply(552, "5.2.2"),
    faults.FILTERED: Reply(554, "5.7.1", is_behind_the_letter=True),
    faults.UNHEARD_OF: Reply(599, "5.9.9"),
    faults.THROTTLED: Reply(450, "4.7.1", is_behind_the_letter=True),
    faults.BROKEN: Reply(451, "4.3.0", is_behind_the_letter=True),
}
SILENT = frozenset({"sent", "delivered", "read"})
"""Nobody asked for word of these, and servers tell them to nobody who did not."""

_BOUNDARY = "=_simulator_bounce"


def write(message: Message, said: Said, *, at: float) -> bytes:
    """The report that a mail server sends to the envelope's sender."""
    reply = REPLIES[said.trouble] if said.trouble is not None else Reply(250, "2.0.0")
    block = [
        f"Final-Recipient: rfc822; {message.recipient}",
        f"Action: {said.word}",
        f"Status: {reply.status}",
        f"Diagnostic-Code: smtp; {reply}",
    ]
    if not message.fault.is_timeless:
        block.append(f"Last-Attempt-Date: {format_datetime(datetime.fromtimestamp(at, UTC))}")
    ours = [] if message.fault.is_anonymous else [f"Message-ID: {message.id}"]
    lines = [
        "From: MAILER-DAEMON@mail.simulator.example",
        f"To: {message.sender}",
        "Subject: Undelivered Mail Returned to Sender",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{_BOUNDARY}"',
        "",
        *_part("text/plain", ["Your letter could not be delivered."]),
        *_part("message/delivery-status", ["Reporting-MTA: dns; mail.simulator.example", "", *block]),
        *_part("text/rfc822-headers", [f"From: {message.sender}", f"To: {message.recipient}", *ours]),
        f"--{_BOUNDARY}--",
        "",
    ]
    return "\r\n".join(lines).encode("utf-8", "replace")


def _part(kind: str, lines: list[str]) -> list[str]:
    return [f"--{_BOUNDARY}", f"Content-Type: {kind}", "", *lines, ""]
