"""The words with which a recipient opts out, opts in again or asks for help: a word that stands alone, in whatever case and accents.

Sources: Twilio (STOP, STOPALL, UNSUBSCRIBE, CANCEL, END, QUIT, REVOKE, OPTOUT; START, YES, UNSTOP; HELP, INFO: twilio.com/docs/messaging,
"SMS opt-out keywords"), Telnyx (STOP ALL: developers.telnyx.com, advanced opt-in/out), AWS (ARRET, TD, REMOVE, OPT-OUT:
docs.aws.amazon.com/sms-voice, "Required opt-out keywords"). BAJA and ALTA are what Spanish short codes print. Other words a business adds
for itself: a word that we only guess would stop people who meant something else.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from messaging.choices import Keyword

# By language, for whoever reads the table; a recipient's language is not known, so every row counts for everybody.
STOP: Mapping[str, frozenset[str]] = {
    "en": frozenset({"stop", "stopall", "stop all", "unsubscribe", "optout", "opt out", "revoke", "remove"}),
    "fr": frozenset({"arret"}),
    "es": frozenset({"baja"}),
}
STOP_ON_SMS: Mapping[str, frozenset[str]] = {
    # Operators take these as STOP. In a chat they answer a question, or are what a button says.
    "en": frozenset({"cancel", "end", "quit", "td"}),
}
START: Mapping[str, frozenset[str]] = {"en": frozenset({"start", "unstop"}), "es": frozenset({"alta"})}
START_ON_SMS: Mapping[str, frozenset[str]] = {"en": frozenset({"yes"})}
HELP: Mapping[str, frozenset[str]] = {"en": frozenset({"help"})}
HELP_ON_SMS: Mapping[str, frozenset[str]] = {"en": frozenset({"info"})}

CATEGORY = {"sms": "", "whatsapp": "marketing", "email": "marketing"}
"""What STOP on a channel covers. On SMS everything, one-time codes too: operators and providers block the pair of numbers for all that
comes after it. On WhatsApp and in e-mail advertising, as Meta's own "stop" and RFC 8058 do: who has ordered is still told of it."""

LONGEST = 40
"""Characters; a longer text is no word that stands alone."""


def read(text: str, *, channel: str, own: Mapping[str, Keyword] | None = None) -> Keyword | None:
    """What the text asks for, if it is one of the words and nothing else. `own`: a business's words, as `plain` writes them."""
    word = plain(text)
    if not word:
        return None
    if own and word in own:
        return own[word]
    return _ON_SMS.get(word) if channel == "sms" else _ANYWHERE.get(word)


def plain(text: str) -> str:
    """As words are compared: without case, accents and punctuation; empty for what is too long to be one."""
    if len(text) > LONGEST:
        return ""
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    kept = (" " if _is_gap(letter) else letter for letter in letters if unicodedata.category(letter) not in {"Mn", "Cf"})
    return " ".join("".join(kept).split())


def _is_gap(letter: str) -> bool:
    return unicodedata.category(letter)[0] in {"P", "S", "Z", "C"}


def _table(*rows: tuple[Keyword, Mapping[str, frozenset[str]]]) -> dict[str, Keyword]:
    return {word: keyword for keyword, languages in rows for words in languages.values() for word in words}


_ANYWHERE = _table((Keyword.STOP, STOP), (Keyword.START, START), (Keyword.HELP, HELP))
_ON_SMS = _ANYWHERE | _table((Keyword.STOP, STOP_ON_SMS), (Keyword.START, START_ON_SMS), (Keyword.HELP, HELP_ON_SMS))
