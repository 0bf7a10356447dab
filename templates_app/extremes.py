"""The longest values that a template's variables take: what a reviewer must have seen, and what an SMS costs at most."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from templates_app import patterns
from templates_app.choices import VariableType
from templates_app.variables import Unfit, Variable

LONG_WORDS = "Maximiliane-Wilhelmine Wolfeschlegelstein 😀 "
"""Words as long as names can be, and a character that GSM-7 lacks."""
WIDEST = "😀"
"""Two UCS-2 units for each character: no text of that length costs more."""
_ADDRESS = "https://long.example/"
_DATES = ("2026-12-31T23:59:59+02:00", "2026-12-31T23:59Z", "2026-12-31T23:59", "2026-12-31")


def values(declared: Mapping[str, Variable], *, text: str = LONG_WORDS) -> dict[str, str]:
    """By variable, its longest value; `text` is what free text is made of."""
    return {name: value(variable, text=text) for name, variable in declared.items()}


def value(variable: Variable, *, text: str = LONG_WORDS) -> str:
    """The longest value of that variable; its sample where none longer can be made."""
    found = patterns.longest(variable.pattern.pattern, length=variable.max_length) if variable.pattern else None
    made = found or _MAKERS[variable.type](variable.max_length, text)
    try:
        return max(variable.read(made), variable.sample, key=len)
    except Unfit:
        return variable.sample


def _text(length: int, text: str) -> str:
    made = (text * (length // len(text) + 1))[:length]
    return made if not made.endswith(" ") else f"{made[:-1]}W"


def _number(length: int, _: str) -> str:
    return "9" * length


def _money(length: int, _: str) -> str:
    return f"EGP {'9' * (length - 4)}" if length > 4 else "9" * length


def _date(length: int, _: str) -> str:
    return next((date for date in _DATES if len(date) <= length), "")


def _url(length: int, _: str) -> str:
    return _ADDRESS + "w" * (length - len(_ADDRESS))


def _code(length: int, _: str) -> str:
    return "W" * length


_MAKERS: Mapping[str, Callable[[int, str], str]] = {
    VariableType.TEXT: _text,
    VariableType.NUMBER: _number,
    VariableType.MONEY: _money,
    VariableType.DATE: _date,
    VariableType.URL: _url,
    VariableType.CODE: _code,
}
