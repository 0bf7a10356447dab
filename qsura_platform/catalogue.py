"""The error catalogue: docs/errors.md, read once. Its form is fixed, so that the same words serve the page and the repository."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

_ENTRY = re.compile(r"^## `([a-z_]+)`\n\n\*\*(\d{3})\*\* (.+)\n", re.MULTILINE)
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Entry:
    """One code: what it means, and the way out."""

    code: str
    status: int
    title: str
    paragraphs: tuple[SafeString, ...]


@cache
def entries() -> tuple[Entry, ...]:
    """Every entry, in the file's order."""
    _, *parts = _ENTRY.split(_text())
    return tuple(
        Entry(code, int(status), title, _paragraphs(prose))
        for code, status, title, prose in zip(parts[0::4], parts[1::4], parts[2::4], parts[3::4], strict=True)
    )


@cache
def introduction() -> tuple[SafeString, ...]:
    """What stands before the first entry, without its heading."""
    return _paragraphs(_ENTRY.split(_text())[0].partition("\n")[2])


def _text() -> str:
    return Path(settings.BASE_DIR, "docs", "errors.md").read_text(encoding="utf-8")


def _paragraphs(prose: str) -> tuple[SafeString, ...]:
    return tuple(_marked(" ".join(each.split())) for each in prose.split("\n\n") if each.strip())


def _marked(text: str) -> SafeString:
    return mark_safe(_CODE.sub(r"<code>\1</code>", escape(text)))  # noqa: S308 - escaped just before
