"""Pages of a list, without a count: an opaque cursor says where the next one begins."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from accounts.refusals import FieldError, Refusal

LIMIT = 50
MOST = 200

Row = TypeVar("Row")


class BadPage(Refusal):
    """The cursor or the limit is not one of ours."""

    status = 400
    code = "bad_page"
    title = "There is no such page."


class BadFilter(Refusal):
    """The list has no such filter, or not with such a value."""

    status = 400
    code = "bad_filter"
    title = "The list can't be filtered by that."


def refuse_others(query: Iterable[str], *, known: Sequence[str]) -> None:
    """Raises BadFilter for what the list does not know: a misspelt filter must not be taken for none, it would answer with everything."""
    message = f"There is no such parameter; known here: {', '.join(known)}."
    if errors := [FieldError(name[:64], "bad_filter", message) for name in query if name not in known]:
        raise BadFilter(message, errors=errors)


def limit(query: Mapping[str, str]) -> int:
    """How many rows a page has: `limit`, 1 to 200, by default 50. Raises BadPage."""
    text = query.get("limit", str(LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MOST):
        raise _refused("limit", f"Ask for 1 to {MOST} rows.")
    return int(text)


def cursor(query: Mapping[str, str], *, name: str = "cursor") -> str | None:
    """What the cursor of the query says, None for the first page. Raises BadPage."""
    text = query.get(name)
    if not text:
        return None
    try:
        # `validate`: else letters that are none are passed over, and garbage reads as the first page.
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise refused(name) from None


def write_cursor(place: str) -> str:
    """The cursor for a place in the list's order."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def page(rows: Sequence[Row], *, size: int, place: Callable[[Row], str], show: Callable[[Row], dict[str, Any]]) -> dict[str, Any]:
    """The answer: up to `size` of the rows (one more was asked for, to see whether there is a next page) and the next page's cursor."""
    shown = rows[:size]
    return {"items": [show(row) for row in shown], "next_cursor": write_cursor(place(shown[-1])) if len(rows) > size else None}


def refused(name: str = "cursor") -> BadPage:
    """The refusal of a cursor that leads nowhere."""
    return _refused(name, "Use the cursor exactly as the last answer gave it.")


def _refused(name: str, message: str) -> BadPage:
    return BadPage(message, errors=[FieldError(name, "bad_page", message)])
