"""An SMPP account's settings as values: what staff wrote, judged and understood."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from routing.providers import smpp_receipts, smpp_text
from routing.providers.smpp_pdu import Address

BIND_MODES = ("transceiver", "pair")
"""One connection for both ways, or one each."""
FIELDS = (
    "host",
    "port",
    "tls",
    "system_id",
    "system_type",
    "bind_mode",
    "sender",
    "sender_ton",
    "sender_npi",
    "recipient_ton",
    "recipient_npi",
    "window",
    "parts_per_second",
    "enquire_every",
    "alphabet",
    "long_messages",
    "receipt_ids",
    "receipt_clock",
)
OPTIONAL = frozenset(FIELDS) - {"host", "port", "system_id", "sender"}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "tls": ("yes", "no"),
    "bind_mode": BIND_MODES,
    "alphabet": smpp_text.ALPHABETS,
    "long_messages": smpp_text.WAYS,
    "receipt_ids": smpp_receipts.IDS,
}
"""The first of each is what counts where nothing is chosen."""

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,251}[A-Za-z0-9])?", re.ASCII)
_RANGES = {
    "port": (1, 65_535),
    "window": (1, 1_000),
    "parts_per_second": (1, 10_000),
    "enquire_every": (1, 3_600),
    "sender_ton": (0, 7),
    "sender_npi": (0, 18),
    "recipient_ton": (0, 7),
    "recipient_npi": (0, 18),
}
_INTERNATIONAL, _ALPHANUMERIC, _NETWORK_SPECIFIC = 1, 5, 3
_ISDN = 1
_LONGEST = {"system_id": 15, "system_type": 12, "sender": 20}
_SHORTEST_NUMBER = 9  # digits; a code that networks give out is shorter, and is dialled as it stands


class Wrong(ValueError):
    """A setting is missing, or not what it should be."""

    def __init__(self, name: str, because: str) -> None:
        super().__init__(f"{name}: {because}")
        self.name = name
        self.because = because


@dataclass(frozen=True, slots=True)
class Line:
    """Where the SMSC is, and how it wants to be spoken to."""

    host: str
    port: int
    is_tls: bool
    system_id: str
    system_type: str
    is_pair: bool
    sender: Address
    recipient_ton: int
    recipient_npi: int
    window: int
    """submit_sm that may wait for an answer at the same time."""
    parts_per_second: int
    """submit_sm a second."""
    enquire_every: int
    """Seconds of silence after which the SMSC is asked whether it is still there."""
    alphabet: str
    long_messages: str

    def recipient(self, number: str) -> Address:
        return Address(number.removeprefix("+"), self.recipient_ton, self.recipient_npi)


def read(settings: Mapping[str, str]) -> Line:
    """Raises Wrong for the first thing that is not right."""
    for wrong in judge(settings).items():
        raise Wrong(*wrong)
    return Line(
        host=settings["host"].strip(),
        port=_number(settings, "port", 0),
        is_tls=_chosen(settings, "tls") == "yes",
        system_id=settings["system_id"],
        system_type=settings.get("system_type", ""),
        is_pair=_chosen(settings, "bind_mode") == "pair",
        sender=_sender(settings),
        recipient_ton=_number(settings, "recipient_ton", _INTERNATIONAL),
        recipient_npi=_number(settings, "recipient_npi", _ISDN),
        window=_number(settings, "window", 10),
        parts_per_second=_number(settings, "parts_per_second", 50),
        enquire_every=_number(settings, "enquire_every", 30),
        alphabet=_chosen(settings, "alphabet"),
        long_messages=_chosen(settings, "long_messages"),
    )


def judge(settings: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with them, by name; empty where all is well."""
    problems = {name: "It is needed." for name in FIELDS if name not in OPTIONAL and not settings.get(name)}
    problems |= {name: "Write a whole number." for name in _RANGES if settings.get(name) and not _is_number(settings[name])}
    for name, (least, most) in _RANGES.items():
        if settings.get(name) and name not in problems and not least <= int(settings[name]) <= most:
            problems[name] = f"Write a number from {least} to {most}."
    for name, words in CHOICES.items():
        if settings.get(name) and settings[name] not in words:
            problems[name] = f"Choose one of {', '.join(words)}."
    for name, most in _LONGEST.items():
        if not settings.get(name, "").isascii() or len(settings.get(name, "")) > most:
            problems[name] = f"SMPP takes {most} plain characters at most."
    if settings.get("host") and not _HOST.fullmatch(settings["host"].strip()):
        problems["host"] = "Write a host's name or its address, and the port in its own field."
    if settings.get("receipt_clock") and smpp_receipts.clock(settings["receipt_clock"]) is None:
        problems["receipt_clock"] = "Write UTC, or an offset such as +02:00."
    return problems


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _number(settings: Mapping[str, str], name: str, usual: int) -> int:
    return int(settings[name]) if settings.get(name) else usual


def _chosen(settings: Mapping[str, str], name: str) -> str:
    return settings.get(name) or CHOICES[name][0]


def _sender(settings: Mapping[str, str]) -> Address:
    """A number, a short code or a name: each has its usual type, and the settings may say otherwise."""
    sender = settings["sender"].strip()
    digits = sender.removeprefix("+")
    ton, npi = _ALPHANUMERIC, 0
    if digits.isdigit():
        is_number = sender.startswith("+") or len(digits) >= _SHORTEST_NUMBER
        ton, npi = (_INTERNATIONAL, _ISDN) if is_number else (_NETWORK_SPECIFIC, 0)
        sender = digits
    return Address(sender, _number(settings, "sender_ton", ton), _number(settings, "sender_npi", npi))
