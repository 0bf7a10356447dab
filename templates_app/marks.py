"""Previews for the eye: what a variable put in is marked, and WhatsApp's own marks are shown as the telephone shows them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from templates_app.placeholders import Parts

# WhatsApp: a mark opens before and closes after a word, in one line (faq.whatsapp.com, how to format your messages).
_MARKS = tuple(
    (re.compile(rf"(?<![\w{sign}]){sign}(?=\S)([^\n{sign}]+?)(?<=\S){sign}(?![\w{sign}])"), tag)
    for sign, tag in ((r"\*", "strong"), ("_", "em"), ("~", "s"))
)


def plain(parts: Parts, values: Mapping[str, object]) -> SafeString:
    """The filled text as HTML, each value in `<mark>`."""
    return mark_safe(_marked(parts, values))  # noqa: S308 - every piece is escaped


def whatsapp(parts: Parts, values: Mapping[str, object]) -> SafeString:
    """The same, with *bold*, _italic_ and ~struck~ as a telephone shows them."""
    html = _marked(parts, values)
    for mark, tag in _MARKS:
        html = mark.sub(rf"<{tag}>\1</{tag}>", html)
    return mark_safe(html)  # noqa: S308 - every piece is escaped, and the marks hold no sign of HTML


def _marked(parts: Parts, values: Mapping[str, object]) -> str:
    return "".join(f"<mark>{escape(values[piece])}</mark>" if place % 2 else escape(piece) for place, piece in enumerate(parts))
