"""E-mail HTML: where a placeholder stands decides how its value is made safe, and in some places none may stand.

In text and in quoted attributes a value is HTML-escaped. Inside an address, after its beginning, it is percent-encoded first, so that it
can't add a parameter. At the beginning of an address only a variable of type `url` may stand, whose value is an http(s) address. The HTML
is read more strictly than browsers read it, in one pass: what could be read in two ways is refused.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from templates_app import placeholders

_ADDRESSES = {"href", "src", "background", "cite", "poster"}
_BANNED_TAGS = {
    *("applet", "embed", "iframe", "frame", "frameset", "object", "math", "svg", "template"),
    *("base", "link", "script", "noembed", "noframes", "noscript", "plaintext", "xmp"),
    *("button", "form", "input", "select", "textarea"),
}
_BANNED_ATTRIBUTES = {"srcdoc", "http-equiv", "formaction", "action", "ping"}
_NO_VARIABLE = {"style", "srcset"}

# Possessive throughout: a browser would not go back either, and matching stays linear.
_VALUE = r"""(?:"[^"]*+"|'[^']*+'|[^\s"'<>=`{]++)"""
_NAME = r"""[^\s"'<>=/{]++"""
_ATTRIBUTE = re.compile(rf"\s++({_NAME})(?:\s*+=\s*+({_VALUE}))?+")
_TAG = re.compile(rf"<([a-zA-Z][\w:-]*+)((?:\s++{_NAME}(?:\s*+=\s*+{_VALUE})?+)*+)\s*+/?>")
_END_TAG = re.compile(r"</[a-zA-Z][\w:-]*+\s*+>")
_STYLE_END = re.compile("</style", re.IGNORECASE)
_SCHEME = re.compile(r"(?:https?:|mailto:|tel:|sms:|cid:|#|\{\{)", re.IGNORECASE)
_HOST = re.compile(r"https?:/*[^/?#]*\{\{", re.IGNORECASE)

Hole = tuple[str, bool]
"""A placeholder's name, and whether its value is percent-encoded."""


@dataclass(frozen=True, slots=True)
class _Attribute:
    name: str
    value: str
    start: int
    """Where the value's first character stands in the whole text."""


@dataclass(frozen=True, slots=True)
class _Tag:
    name: str
    attributes: tuple[_Attribute, ...]


def holes(text: str) -> list[Hole]:
    """The text's placeholders in order of place."""
    spans = [
        (each.start, each.start + len(each.value))
        for token in _read(text)
        if isinstance(token, _Tag)
        for each in token.attributes
        if each.name in _ADDRESSES
    ]
    return [(found[1], _is_inside(found.start(), spans)) for found in placeholders.PLACEHOLDER.finditer(text)]


def escape(value: str, *, in_address: bool) -> str:
    """The value as it may stand in a text, in a quoted attribute, or inside an address."""
    return html.escape(quote(value, safe="") if in_address else value, quote=True)


def problems(text: str, *, url_names: set[str]) -> list[str]:
    """Why mail clients or their readers would be harmed by this HTML; empty where it is fit to be sent."""
    found: list[str] = []
    for token in _read(text):
        found += [token] if isinstance(token, str) else _tag_problems(token, url_names=url_names)
    return list(dict.fromkeys(found))


def _is_inside(place: int, spans: list[tuple[int, int]]) -> bool:
    """Whether the place is in one of the spans, which are in order, and not at its very beginning."""
    before = bisect_left(spans, (place, 0)) - 1
    return before >= 0 and place < spans[before][1]


def _read(text: str) -> Iterator[_Tag | str]:
    """Every tag, and a sentence for what is wrong; what can't be read ends the reading."""
    place = text.find("<")
    while place >= 0:
        end, said = _read_one(text, place)
        if said is not None:
            yield said
        place = text.find("<", end) if end > place else -1


def _read_one(text: str, place: int) -> tuple[int, _Tag | str | None]:
    """What begins at this `<`, and where it ends; it ends where it begins if it can't be read."""
    following = text[place + 1 : place + 2]
    if text.startswith("<{{", place) or text.startswith("</{{", place):
        return place, "A variable may not follow <: it would name a tag. Write &lt; for the sign."
    if following.isascii() and following.isalpha():
        return _read_tag(text, place)
    if following == "/":
        found = _END_TAG.match(text, place)
        return (found.end(), None) if found else (place, f"This tag can't be read: {text[place : place + 40]!r}.")
    if following in {"!", "?"}:
        return _read_aside(text, place)
    return place + 1, None


def _read_aside(text: str, place: int) -> tuple[int, str | None]:
    closing = "-->" if text.startswith("<!--", place) else ">"
    end = text.find(closing, place + 2)
    if end < 0:
        return place, "A comment is not closed."
    return end + len(closing), "No variable may stand in a comment." if "{{" in text[place:end] else None


def _read_tag(text: str, place: int) -> tuple[int, _Tag | str]:
    found = _TAG.match(text, place)
    if found is None:
        way_out = "Close it, put its attributes' values in quotes and a space between two attributes"
        return place, f"This tag can't be read: {text[place : place + 40]!r}. {way_out}; a variable may stand only in a quoted value."
    tag = _Tag(found[1].lower(), tuple(_attribute(each) for each in _ATTRIBUTE.finditer(text, *found.span(2))))
    if tag.name != "style":
        return found.end(), tag
    closing = _STYLE_END.search(text, found.end())
    if closing is None or "{{" in text[found.end() : closing.start()]:
        return place, "No variable may stand in <style>, and it must be closed."
    return closing.start(), tag


def _attribute(found: re.Match[str]) -> _Attribute:
    written = found[2] or ""
    is_quoted = written[:1] in {'"', "'"}
    value = written[1:-1] if is_quoted else written
    return _Attribute(name=found[1].lower(), value=value, start=found.start(2) + is_quoted)


def _tag_problems(tag: _Tag, *, url_names: set[str]) -> Iterator[str]:
    if tag.name in _BANNED_TAGS:
        yield f"<{tag.name}> is not allowed: mail clients remove it."
    for each in tag.attributes:
        if each.name.startswith("on") or each.name in _BANNED_ATTRIBUTES:
            yield f"The attribute {each.name} is not allowed: mail clients remove it."
        if each.name in _NO_VARIABLE and "{{" in each.value:
            yield f"No variable may stand in the attribute {each.name}."
        if each.name in _ADDRESSES:
            yield from _address_problems(each.name, each.value, url_names=url_names)


def _address_problems(name: str, value: str, *, url_names: set[str]) -> Iterator[str]:
    if value and not _SCHEME.match(html.unescape(value)):
        yield f"The address in {name} must start with https://, http://, mailto:, tel:, sms:, cid: or #."
    if _HOST.match(value):
        yield f"The host in {name} must be fixed text: a variable may stand after its first slash."
    first = placeholders.PLACEHOLDER.match(value)
    if first and first[1] not in url_names:
        yield f"{{{{{first[1]}}}}} begins the address in {name}: declare it with the type url, or write the address's beginning as text."
