"""Reading what staff wrote: each word judged in its place, every problem collected instead of stopping at the first."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from typing import Any, TypeVar

from routing.providers import signed_http_words

DEEPEST = 12
"""How deep anything may nest, and a path may lead."""
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", re.ASCII)  # RFC 9110, 5.6.2
_OURS = frozenset(
    {"host", "connection", "content-length", "content-type", "transfer-encoding", "te", "trailer", "upgrade", "expect", "cookie"}
)
Path = tuple[str, ...]
Meaning = TypeVar("Meaning")


def is_name(text: str) -> bool:
    """Whether a header or a parameter may be called so; headers that the transport writes may not."""
    return bool(_TOKEN.fullmatch(text)) and text.lower() not in _OURS


class Reading:
    """One pass over JSON that was parsed. What is wrong is told by `wrong`, and read as if it were empty."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def wrong(self, where: str, way_out: str) -> None:
        self.problems.append(f"{where}: {way_out}")

    def object(self, raw: dict[str, Any], name: str, *, where: str = "") -> dict[str, Any]:
        said = raw.get(name)
        if not isinstance(said, dict):
            self.wrong(f"{where}{name}", "Write an object here.")
            return {}
        return said

    def known(self, raw: dict[str, Any], names: Set[str], *, where: str) -> None:
        for name in raw.keys() - names:
            self.wrong(f"{where}.{name}", f"Leave it out, or write one of {', '.join(sorted(names))}.")

    def one_of(self, raw: dict[str, Any], name: str, words: Set[str], *, where: str, default: str = "") -> str:
        said = raw.get(name, default)
        if not isinstance(said, str) or said not in words:
            self.wrong(f"{where}.{name}", f"Choose one of {', '.join(sorted(words))}.")
            return default
        return said

    def name(self, raw: dict[str, Any], name: str, *, where: str) -> str:
        said = raw.get(name)
        if not isinstance(said, str) or not is_name(said):
            self.wrong(f"{where}.{name}", "Write a plain name, such as x-signature.")
            return ""
        return said

    def user(self, said: dict[str, Any], *, where: str) -> str:
        self.known(said, {"type", "user"}, where=where)
        user = said.get("user")
        if not isinstance(user, str) or not user or ":" in user or not signed_http_words.is_plain(user):
            self.wrong(f"{where}.user", "Write the user's name, without a colon.")
            return ""
        return user

    def prefix(self, said: dict[str, Any], *, where: str) -> str:
        prefix = said.get("prefix", "")
        if not isinstance(prefix, str) or len(prefix) > 64 or not signed_http_words.is_plain(prefix):
            self.wrong(f"{where}.prefix", "Write at most 64 printable ASCII characters.")
            return ""
        return prefix

    def texts(self, raw: dict[str, Any], name: str, *, where: str) -> dict[str, str]:
        said = raw.get(name, {})
        if not isinstance(said, dict) or not all(isinstance(value, str) for value in said.values()):
            self.wrong(f"{where}.{name}", "Write an object of texts.")
            return {}
        return said

    def gaps(self, words: str, allowed: Set[str], *, where: str) -> None:
        for gap in dict.fromkeys(signed_http_words.gaps(words)):
            if gap not in allowed:
                self.wrong(where, f"{{{gap}}} can't stand here; these can: {', '.join(sorted(allowed))}.")

    def place(self, raw: dict[str, Any], name: str, *, where: str, is_needed: bool = False) -> Path:
        said = raw.get(name)
        if said is None and not is_needed:
            return ()
        if not isinstance(said, str) or not said or len(said) > 200 or not all(said.split(".")) or said.count(".") >= DEEPEST:
            self.wrong(f"{where}.{name}", "Write names, and numbers for a list's entries, with dots between: messages.0.id.")
            return ()
        return tuple(said.split("."))

    def table(self, raw: dict[str, Any], name: str, words: Mapping[str, Meaning], *, where: str) -> dict[str, Meaning]:
        found: dict[str, Meaning] = {}
        for theirs, ours in self.texts(raw, name, where=where).items():
            if ours in words:
                found[theirs] = words[ours]
            else:
                self.wrong(f"{where}.{name}.{theirs}", f"Choose one of {', '.join(words)}.")
        return found
