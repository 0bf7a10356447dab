"""The cards of the admin's first page: a few numbers each, cheap to get, in words of every room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

MOST = 10_000
"""How far anything is counted: nobody reads more digits, and a count of everything would read everything."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number. `tone`: plain, moving, good, care or bad; `share`: of its card's whole, in per cent, where there is a whole."""

    label: str
    value: int
    tone: str = "plain"
    note: str = ""
    link: str = ""
    share: float = 0.0

    @property
    def text(self) -> str:
        return f"{MOST:,}+" if self.value >= MOST else f"{self.value:,}"


@dataclass(frozen=True, slots=True)
class Card:
    title: str
    figures: Sequence[Figure]
    note: str = ""
    is_shares: bool = False
    """Whether the figures are the parts of one whole."""


Source = Callable[[Any, datetime], Sequence[Card]]
"""A room's cards, for a business (None: all of them) at a moment."""
