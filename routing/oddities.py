"""Error codes with which providers answer a hand-off and which no table of ours knows: shown to staff, one alert for each."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime

from alerts import reporting
from alerts.kinds import Kind

MOST = 20
"""Words that one batch reports: a provider that numbers its errors by the minute must not become a flood."""

_ODD = re.compile(r"[^A-Za-z0-9_.:/-]+")
_PERSONAL = re.compile(r"\S*@\S*|\d{7,}")  # an address, or as many digits as a number has; codes have up to six


def report(said: Collection[tuple[str, str]], *, at: datetime) -> None:
    """Report each (provider, code). What is said in receipts, callbacks.words reports under the same name."""
    for provider, word in sorted(said)[:MOST]:
        because = f"{provider} answers with the code {plain(word)!r}, which no table knows. It is taken for a fault of the provider."
        reporting.report(Kind.UNMAPPED_CODE, about=f"{provider} code {plain(word)}", because=because, business=None, at=at)


def plain(word: str) -> str:
    """A provider's code as one short word; what is none of a code's letters, or might be a recipient's, is left out."""
    return _ODD.sub("_", _PERSONAL.sub(" ", word))[:64]
