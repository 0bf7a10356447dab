"""E-mail by an SMTP server of one's own: a letter out, its reply codes back, bounces and complaints in.

Sources: RFC 5321 (SMTP), 3207 (STARTTLS), 4954 (AUTH), 3463 and 5248 (enhanced codes). `smtp_reports` reads what comes back.
docs/providers/smtp.md tells how to set an account up.

The adapter builds a `Letter` where others build a `Call`; `routing.smtp` carries it. The answer's status is the server's reply code, and
its headers tell at which step it said so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from routing.providers import smtp_reports, wire
from routing.providers.base import (
    Answer,
    Email,
    ErrorClass,
    Fault,
    Forged,
    Handoff,
    Incoming,
    Outbound,
    ProviderAccount,
    Receipt,
    Unsendable,
)
from routing.providers.dialect import Dialect

STARTTLS, TLS, PLAIN = "starttls", "tls", "none"
PORT = 587
"""Where none is told."""
USER = "qsura"
_LARGEST_REPORT = 3 * 1024 * 1024  # bytes; some servers return the whole letter
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.:-]{0,251}[a-z0-9])?", re.ASCII | re.IGNORECASE)
_NAMED = re.compile(r'(?:"?([^"<>\r\n]*?)"?\s*<)?([^\s<>"@,;:]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)>?')
_POLICY = SMTP.clone(cte_type="7bit")  # any server takes it, and no text needs 8BITMIME


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter with its envelope, and the server that is to take it."""

    host: str
    port: int
    security: str
    user: str
    password: str = field(repr=False)
    sender: str
    recipient: str = field(repr=False)
    message_id: str
    content: bytes = field(repr=False)


class Smtp(Dialect):
    """One SMTP server as an adapter."""

    name = "smtp"
    channels = frozenset({"email"})
    credential_fields: tuple[str, ...] = ("password", "report_secret", "report_secret_previous")
    setting_fields: tuple[str, ...] = ("host", "port", "security", "user", "sender", "reply_to", "return_path")
    optional_fields = frozenset({"port", "security", "user", "password", "report_secret_previous", "reply_to", "return_path"})
    setting_choices: Mapping[str, Sequence[str]] = {"security": (STARTTLS, TLS, PLAIN)}
    default_base_url = "smtp:"  # the server stands in the settings
    tells_arrival = False

    def judge(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        port, security = settings.get("port", str(PORT)), settings.get("security", STARTTLS)
        problems = {
            "host": "" if _HOST.fullmatch(settings.get("host", "")) else "Write the server's name alone: mail.example.com.",
            "port": "" if port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65_536 else "Write a number from 1 to 65535.",
            "security": "" if security in self.setting_choices["security"] else "Choose starttls, tls or none.",
        }
        for name in ("sender", "reply_to", "return_path"):
            if name == "sender" or settings.get(name):
                problems[name] = "" if _read_address(settings.get(name, "")) else "Write an address: Shop <orders@shop.example>."
        return {name: problem for name, problem in problems.items() if problem}

    def submit(self, account: ProviderAccount, outbound: Outbound) -> Letter:
        if self.judge(account.settings):
            raise Unsendable("the account's settings can't be used", error_class=ErrorClass.ACCOUNT_FAULT)
        if outbound.channel != "email" or not isinstance(outbound.content, Email):
            raise Unsendable("no e-mail", error_class=ErrorClass.TEMPLATE_FAULT)
        settings, sender = account.settings, _address(account.settings["sender"])
        recipient = _read_address(outbound.recipient)
        if recipient is None or not recipient[1].isascii():
            raise Unsendable("no address that this server could take", error_class=ErrorClass.INVALID_RECIPIENT_ON_CHANNEL)
        message_id = smtp_reports.message_id(outbound.reference, sender.domain)
        return Letter(
            host=settings["host"],
            port=int(settings.get("port") or PORT),
            security=settings.get("security") or STARTTLS,
            user=settings.get("user", ""),
            password=account.credentials.get("password", ""),
            sender=_address(settings.get("return_path") or settings["sender"]).addr_spec,
            recipient=recipient[1],
            message_id=message_id,
            content=_write(settings, outbound, outbound.content, message_id=message_id),
        )

    def read_answer(self, account: ProviderAccount, answer: Answer) -> Handoff:
        """By the reply's code; 250 at the end means that the server has taken it upon itself (RFC 5321, 4.2.5)."""
        stage, text = answer.headers.get("stage", ""), answer.body.decode("utf-8", "replace")
        if 200 <= answer.status < 300:
            return Handoff(reference=wire.reference(answer.headers.get("message-id")) if stage == "data" else "")
        enhanced = smtp_reports.enhanced(text)
        return Handoff(
            fault=Fault(smtp_reports.reply_class(answer.status, enhanced, stage), raw_code=f"{answer.status} {enhanced}".strip())
        )

    def authenticate(self, account: ProviderAccount, incoming: Incoming) -> None:
        """A report is posted by a mail server of the business itself: by HTTP Basic, with the account's secret for it."""
        if incoming.method != "POST" or len(incoming.body) > _LARGEST_REPORT:
            raise Forged
        given = incoming.headers.get("authorization", "")
        for secret in wire.secrets(account, "report_secret", "report_secret_previous"):
            if wire.same(given, wire.basic(USER, secret.decode("utf-8", "surrogatepass"))):
                return
        raise Forged

    def read_receipts(self, account: ProviderAccount, incoming: Incoming) -> list[Receipt]:
        return smtp_reports.read(incoming.body)


def _write(settings: Mapping[str, str], outbound: Outbound, content: Email, *, message_id: str) -> bytes:
    message = EmailMessage(policy=_POLICY)
    message["From"] = _address(settings["sender"])
    message["To"] = outbound.recipient
    message["Message-ID"] = message_id
    if outbound.at is not None:
        message["Date"] = format_datetime(outbound.at)
    if settings.get("reply_to"):
        message["Reply-To"] = _address(settings["reply_to"])
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notice shall answer it
    try:
        message["Subject"] = " ".join(content.subject.replace("\0", " ").splitlines())
        message.set_content(content.text)
        if content.html:
            message.add_alternative(content.html, subtype="html")
        return _one_click(outbound.unsubscribe_url) + message.as_bytes()
    except (ValueError, UnicodeError) as error:
        raise Unsendable("the e-mail can't be written", error_class=ErrorClass.TEMPLATE_FAULT) from error


def _one_click(url: str) -> bytes:
    """RFC 8058's headers. By hand: the library would write a long URL as an encoded word, which no mail program reads there."""
    return f"List-Unsubscribe: <{url}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n".encode("ascii") if url else b""


def _read_address(text: str) -> tuple[str, str] | None:
    """Name and address; None for what is not one of them alone."""
    found = _NAMED.fullmatch(text.strip())
    return (found[1] or "", found[2]) if found and len(text) < 320 else None


def _address(text: str) -> Address:
    name, spec = _read_address(text) or ("", "")
    return Address(display_name=name, addr_spec=spec)
