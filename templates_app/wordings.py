"""What the channels' texts have in common while they are written: each is text, not too long, and names only what is declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from accounts.refusals import FieldError
from templates_app import letters, placeholders
from templates_app.variables import Variable


def unknown_keys(raw: Mapping[str, Any], *, known: set[str], at: str) -> Iterator[FieldError]:
    """One error for each key that nobody reads."""
    for key in sorted(raw.keys() - known):
        yield FieldError(f"{at}.{key[:64]}", "unknown_field", f"Remove it; here are allowed: {', '.join(sorted(known))}.")


def check(text: Any, *, at: str, longest: int, declared: Mapping[str, Variable]) -> Iterator[FieldError]:
    """What is wrong with a text that may hold placeholders."""
    if not isinstance(text, str) or letters.is_blank(text):
        yield FieldError(at, "required", "Give a text that is not empty.")
    elif len(text) > longest:
        yield FieldError(at, "too_long", f"It has {len(text)} characters; {longest} are allowed. Shorten it.")
    elif letters.is_unprintable(text):
        yield FieldError(at, "unprintable", "It holds a control character or half a character. Remove it.")
    elif letters.turns_others(text):
        yield FieldError(
            at, "direction", "It turns the direction of what stands after it. Close every mark of direction, and use no override."
        )
    elif (opening := placeholders.stray(text)) is not None:
        yield FieldError(
            at, "malformed_placeholder", f"{opening!r} is no placeholder. Write {{{{name}}}}: lower-case letters, digits, underscores."
        )
    else:
        yield from undeclared(text, at=at, declared=declared)


def check_fixed(text: Any, *, at: str, longest: int) -> Iterator[FieldError]:
    """What is wrong with a text that may hold no placeholder."""
    if isinstance(text, str) and "{{" in text:
        yield FieldError(at, "variable_not_allowed", "No variable may stand here. Write fixed text.")
    else:
        yield from check(text, at=at, longest=longest, declared={})


def undeclared(text: str, *, at: str, declared: Mapping[str, Variable]) -> Iterator[FieldError]:
    """One error for each placeholder that no variable stands behind."""
    for name in placeholders.names(text):
        if name not in declared:
            yield FieldError(at, "undeclared_variable", f"{{{{{name}}}}} is not declared. Declare it in `variables`, or remove it.")


def used(node: Any) -> list[str]:
    """Every placeholder's name in a piece of content, once, in the order of place."""
    return placeholders.names("\n".join(_texts(node)))


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for each in node.values() if isinstance(node, dict) else node:
            yield from _texts(each)
