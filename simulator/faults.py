"""What goes wrong, chosen by the recipient's number (or an address's local part): one that ends in 00NN meets fault NN, every other one is
served well.

Such numbers are ordinary ones in many countries: +2010000000NN in Egypt, +120255500NN in the United States, +49151234500NN in Germany.
An NN that is not in the table is served well, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Trouble:
    """A piece of bad news. Each provider's word for it stands in its own door; `http` is the status when it refuses a hand-off."""

    title: str
    http: int = 400
    retry_after: int | None = None


UNREACHABLE = Trouble("Message undeliverable")
NO_SUCH_RECIPIENT = Trouble("Recipient is not valid")
OPTED_OUT = Trouble("Recipient has opted out")
TEMPLATE = Trouble("Number of parameters does not match")
REVOKED = Trouble("Authentication failed", http=401)
WINDOW = Trouble("Outside the 24 hour window")
FILTERED = Trouble("Message was held back")
UNHEARD_OF = Trouble("An error of the future")
THROTTLED = Trouble("Rate limit hit", http=429, retry_after=1)
BROKEN = Trouble("Something went wrong", http=500)


@dataclass(frozen=True, slots=True)
class Said:
    """One receipt: so many seconds after the hand-off, in Meta's word (Twilio's door has its own for some)."""

    after: float
    word: str
    trouble: Trouble | None = None
    told: float | None = None
    """When it is sent out, if not as it happens."""


SENT, DELIVERED, READ = Said(0.1, "sent"), Said(0.3, "delivered"), Said(0.6, "read")
WELL = (SENT, DELIVERED, READ)


class Ending(Enum):
    """How the answer to a hand-off that was taken comes back."""

    ANSWER = "answered"
    LATE = "answered after two seconds"
    NEVER = "never answered"
    CUT = "connection cut instead of an answer"
    PAGE = "answered 200 with an HTML page"
    HALF = "answered 200 with half of its JSON"
    AFTER_RECEIPTS = "answered only after the receipts were delivered"


ALWAYS = 1_000_000


@dataclass(frozen=True, slots=True)
class Fault:
    """The fate of a message. First it may be refused (`refusal`) or cut off untaken (`cuts`) so many times, then it is taken."""

    tells: str
    refusal: Trouble | None = None
    refusals: int = ALWAYS
    cuts: int = 0
    ending: Ending = Ending.ANSWER
    receipts: tuple[Said, ...] = WELL
    copies: int = 1
    is_forged_first: bool = False
    is_anonymous: bool = False
    is_timeless: bool = False
    has_one_id: bool = False
    is_on_whatsapp_only: bool = False
    """By SMS the same number is served well: what a fallback is for."""


def _failing(trouble: Trouble) -> tuple[Said, ...]:
    return SENT, Said(0.3, "failed", trouble)


FAULTS: dict[str, Fault] = {
    "00": Fault("sent, delivered, and read on WhatsApp"),
    # Receipts that do not come
    "01": Fault("sent, and nothing more", receipts=(SENT,)),
    "02": Fault("sent and delivered, never read", receipts=(SENT, DELIVERED)),
    "03": Fault("sent and read, no word of a delivery (WhatsApp)", receipts=(SENT, READ)),
    "04": Fault("taken, then silence: no receipt at all", receipts=()),
    # Refused at once
    "10": Fault("refused: the account's credentials were revoked (190 / 20003)", refusal=REVOKED),
    "11": Fault("refused: no such recipient (131030 / 21211)", refusal=NO_SUCH_RECIPIENT),
    "12": Fault("refused: the recipient has opted out (131050 / 21610)", refusal=OPTED_OUT),
    "13": Fault("refused: the template's parameters do not match (132000 / 21656)", refusal=TEMPLATE),
    "14": Fault("refused: unreachable (131026 / 30003)", refusal=UNREACHABLE),
    "15": Fault("refused: a code that no table knows (999999 / 99999)", refusal=UNHEARD_OF),
    # Taken, and failed by a receipt
    "20": Fault("fails by receipt: unreachable (131026 / 30003)", receipts=_failing(UNREACHABLE)),
    "21": Fault("fails by receipt, and is delivered after all", receipts=(*_failing(UNREACHABLE), Said(0.6, "delivered"))),
    "22": Fault("delivered, and fails afterwards", receipts=(SENT, DELIVERED, Said(0.6, "failed", UNREACHABLE))),
    "23": Fault("fails by receipt: outside the service window (131047 / 63016)", receipts=_failing(WINDOW)),
    "24": Fault("fails by receipt: held back (131049) or filtered (30007)", receipts=_failing(FILTERED)),
    "25": Fault("fails by receipt with a code that no table knows (999999 / 99999)", receipts=_failing(UNHEARD_OF)),
    "26": Fault(
        "fails by receipt on WhatsApp: unreachable (131026); well by SMS", receipts=_failing(UNREACHABLE), is_on_whatsapp_only=True
    ),
    # Trouble that passes, or does not
    "30": Fault("throttled twice with Retry-After: 1, then taken", refusal=THROTTLED, refusals=2),
    "31": Fault("500 twice, then taken", refusal=BROKEN, refusals=2),
    "32": Fault("throttled for ever", refusal=THROTTLED),
    "33": Fault("500 for ever", refusal=BROKEN),
    "34": Fault("answered after two seconds", ending=Ending.LATE),
    # Nobody knows whether it was taken
    "40": Fault("taken, never answered; its receipts come", ending=Ending.NEVER),
    "41": Fault("taken, never answered, and no receipt either", ending=Ending.NEVER, receipts=()),
    "42": Fault("connection cut twice before anything was taken, then taken", cuts=2),
    "43": Fault("taken, the connection cut instead of an answer; its receipts come", ending=Ending.CUT),
    "44": Fault("taken, answered 200 with an HTML page; its receipts come", ending=Ending.PAGE),
    "45": Fault("taken, answered 200 with half of its JSON, and no receipt either", ending=Ending.HALF, receipts=()),
    # Receipts that come oddly
    "50": Fault(
        "receipts in reverse order", receipts=(Said(0.1, "sent", told=0.6), Said(0.3, "delivered", told=0.3), Said(0.6, "read", told=0.1))
    ),
    "51": Fault("each receipt three times", copies=3),
    "52": Fault(
        "receipts before the hand-off's own answer", ending=Ending.AFTER_RECEIPTS, receipts=(Said(0, "sent"), Said(0, "delivered"))
    ),
    "53": Fault("a status word that nobody knows, between sent and delivered", receipts=(SENT, Said(0.2, "teleported"), DELIVERED)),
    "54": Fault("receipts without our reference, by the provider's id alone", is_anonymous=True),
    "55": Fault("receipts without a time that makes sense", is_timeless=True),
    "56": Fault("receipts after ten seconds", receipts=(Said(10, "sent"), Said(10.2, "delivered"))),
    "57": Fault("each receipt first with a forged signature", is_forged_first=True),
    "58": Fault("taken under one and the same provider id as every other such message", has_one_id=True),
}


def chosen_by(number: str, *, channel: str = "whatsapp") -> str:
    """The fault that a recipient's number asks for on that channel; "00", served well, for most."""
    ending = number[-4:]
    code = ending[2:]
    if ending[:2] != "00" or code not in FAULTS:
        return "00"
    return "00" if FAULTS[code].is_on_whatsapp_only and channel != "whatsapp" else code
