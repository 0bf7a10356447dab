"""The variables of a template: declared once with a type, and read from what a caller gave.

A value is text (or a whole number; a `number` may also be a JSON decimal), and goes out exactly as given: formatting is the caller's,
who knows the recipient's language. A type only says what would certainly be wrong.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from templates_app import letters, patterns
from templates_app.choices import VariableType

MAX_LENGTH = 2_000
DEFAULT_LENGTHS: Mapping[str, int] = {
    VariableType.TEXT: 200,
    VariableType.NUMBER: 30,
    VariableType.MONEY: 40,
    VariableType.DATE: 35,
    VariableType.URL: MAX_LENGTH,
    VariableType.CODE: 15,
}

_SEPARATED = r"\d[\d.,'\u2019 \u00a0\u202f\u066b\u066c]*"
_CURRENCY = r"(?:[^\W\d_]|[.$£¤¥฿\u20a0-\u20cf]){0,8}"
_NUMBER = re.compile(rf"[+-]?{_SEPARATED}")
_MONEY = re.compile(rf"[+-]?{_CURRENCY}[ \u00a0\u202f]?[+-]?{_SEPARATED}{_CURRENCY}")
_CODE = re.compile(r"[A-Za-z0-9-]+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_URL = re.compile(
    r"""https?://(?:[\w-]++(?:\.[\w-]++)*+\.?|\[[0-9a-f:.]++\])(?::([0-9]{1,5}))?(?:[/?#][^\s"\\<>^`{|}]*+)?""", re.IGNORECASE
)
_HIGHEST_PORT = 65_535


class Unfit(ValueError):
    """A value that its variable can't take. `code` is stable; the text says the way out."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Variable:
    """One declared variable. `max_length` counts characters."""

    name: str
    type: str
    sample: str
    max_length: int
    pattern: re.Pattern[str] | None = None

    def read(self, value: Any) -> str:
        """The value as text. Raises Unfit."""
        text = self._as_text(value)
        if len(text) > self.max_length:
            raise Unfit("too_long", f"It has {len(text)} characters; {self.max_length} are allowed. Shorten it.")
        if letters.is_blank(text):
            raise Unfit("blank", "It is empty. Give the text that the recipient shall read.")
        if letters.is_unprintable(text):
            raise Unfit("unprintable", "It holds a control character or half a character. Remove it.")
        if letters.turns_others(text):
            raise Unfit("direction", "It turns the direction of what stands after it. Close every mark of direction, and use no override.")
        if problem := _PROBLEMS[self.type](text):
            raise Unfit(f"not_{self.type}", problem)
        if self.pattern is not None and not self.pattern.fullmatch(text):
            raise Unfit("pattern_mismatch", f"It does not follow the template's pattern {self.pattern.pattern}.")
        return text

    def _as_text(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return _digits(value)
        if isinstance(value, float) and self.type == VariableType.NUMBER and math.isfinite(value):
            return repr(value)
        raise Unfit("invalid_type", "Give it as a JSON string, written as the recipient shall read it.")


def _digits(value: int) -> str:
    # Python itself refuses to write integers of more than 4,300 digits; nobody reads those of more than 40.
    if value.bit_length() > 128:
        raise Unfit("too_long", "The number has too many digits. Shorten it.")
    return str(value)


def _no_problem(_: str) -> str:
    return ""


def _number(text: str) -> str:
    return "" if _NUMBER.fullmatch(text) else "It is no number. Write digits with separators, such as 1,250.5."


def _money(text: str) -> str:
    return "" if _MONEY.fullmatch(text) else "It is no amount. Write it with its currency, such as EGP 1,250.00."


def _date(text: str) -> str:
    if _DATE.fullmatch(text):
        with contextlib.suppress(ValueError):
            datetime.fromisoformat(text)
            return ""
    return "It is no date. Write it as in ISO 8601, 2026-01-31 or 2026-01-31T18:30+02:00; for words, declare the variable as text."


def _url(text: str) -> str:
    found = _URL.fullmatch(text)
    if found and int(found[1] or 0) <= _HIGHEST_PORT:
        return ""
    return "It is no address. Give a whole one that starts with https://, without spaces, user name or password."


def _code(text: str) -> str:
    return "" if _CODE.fullmatch(text) else "It is no code. Use letters A to Z, digits and hyphens."


_PROBLEMS: Mapping[str, Callable[[str], str]] = {
    VariableType.TEXT: _no_problem,
    VariableType.NUMBER: _number,
    VariableType.MONEY: _money,
    VariableType.DATE: _date,
    VariableType.URL: _url,
    VariableType.CODE: _code,
}


def load(declared: Mapping[str, Any]) -> Variable:
    """A variable from its stored declaration, which writing has checked."""
    return Variable(
        name=declared["name"],
        type=declared["type"],
        sample=declared["sample"],
        max_length=declared.get("max_length") or DEFAULT_LENGTHS[declared["type"]],
        pattern=patterns.compiled(declared["pattern"]) if declared.get("pattern") else None,
    )
