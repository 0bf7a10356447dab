"""Words with gaps, as a configured provider's requests are made of them: `{recipient}`, `{text}`, ... filled by the rules of their place.

A gap is a name in braces and nothing else: no expressions, no attributes, no nesting. What fills it is escaped by the format in which it
stands, after the configuration was parsed, so that no text can end the string, field, URL or header that it was put into.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from routing.providers.base import Email, ErrorClass, Outbound, ProviderAccount, Text, Unsendable

Values = Mapping[str, str | int | None]
"""By gap; None for what this message has not."""

GAPS = frozenset(
    {
        "recipient",
        "recipient_digits",
        "sender",
        "sender_digits",
        "text",
        "subject",
        "html",
        "reference",
        "validity",
        "callback_url",
        "unsubscribe_url",
    }
)
IN_PATHS = frozenset({"recipient", "recipient_digits", "sender", "sender_digits", "reference"})
"""What can't be `..`, and so leads nowhere else."""
IN_HEADERS = IN_PATHS | {"validity", "callback_url", "unsubscribe_url"}
_GAP = re.compile(r"\{([a-z_]+)\}")


def gaps(words: str) -> list[str]:
    """The names of the gaps, in order."""
    return _GAP.findall(words)


def without_gaps(words: str) -> str:
    """The same with a letter in place of each gap."""
    return _GAP.sub("x", words)


def values(account: ProviderAccount, outbound: Outbound, *, longest_validity: int | None) -> Values:
    """What fills the gaps; raises Unsendable for what is neither text nor e-mail."""
    sender, content = account.settings.get("sender") or None, outbound.content
    if not isinstance(content, Text | Email):
        raise Unsendable("this account carries texts and e-mails", error_class=ErrorClass.TEMPLATE_FAULT)
    letter = content if isinstance(content, Email) else Email(subject="", text=content.text)
    found: Values = {
        "recipient": outbound.recipient,
        "recipient_digits": outbound.recipient.removeprefix("+"),
        "sender": sender,
        "sender_digits": sender.removeprefix("+") if sender else None,
        "text": letter.text,
        "subject": letter.subject or None,
        "html": letter.html or None,
        "reference": outbound.reference,
        "validity": _validity(outbound.validity_seconds, longest_validity),
        "callback_url": account.callback_url,
        "unsubscribe_url": outbound.unsubscribe_url or None,
    }
    _check_storable(found)
    return found


def _validity(asked: int | None, longest: int | None) -> int | None:
    return None if asked is None or longest is None else max(1, min(asked, longest))


def _check_storable(found: Values) -> None:
    try:
        "".join(value for value in found.values() if isinstance(value, str)).encode()
    except UnicodeEncodeError as error:
        raise Unsendable("the text holds half a character", error_class=ErrorClass.TEMPLATE_FAULT) from error


def fill_json(tree: Any, found: Values) -> bytes:
    """The body; a member, or an entry, that is one gap alone is left out where there is nothing to fill it with."""
    return orjson.dumps(_filled(tree, found))


def _filled(tree: Any, found: Values) -> Any:
    match tree:
        case dict():
            return {name: _filled(value, found) for name, value in tree.items() if not _is_missing(value, found)}
        case list():
            return [_filled(value, found) for value in tree if not _is_missing(value, found)]
        case str():
            whole = _GAP.fullmatch(tree)
            return found[whole[1]] if whole else _fill(tree, found)
    return tree


def _is_missing(value: Any, found: Values) -> bool:
    whole = _GAP.fullmatch(value) if isinstance(value, str) else None
    return whole is not None and found[whole[1]] is None


def _fill(words: str, found: Values) -> str:
    return _GAP.sub(lambda gap: _text(found[gap[1]]), words)


def _text(value: str | int | None) -> str:
    return "" if value is None else str(value)


def fill_form(fields: Mapping[str, str], found: Values) -> bytes:
    return urlencode({name: _fill(words, found) for name, words in fields.items() if not _is_missing(words, found)}).encode()


def fill_path(path: str, found: Values) -> str:
    """Every value percent-encoded whole, so that it stays in its segment or its parameter."""
    return _GAP.sub(lambda gap: quote(_text(found[gap[1]]), safe=""), path)


def fill_header(words: str, found: Values) -> str:
    """Raises Unsendable for what no header can hold."""
    filled = _fill(words, found)
    if not is_plain(filled):
        raise Unsendable("a header can't hold that value", error_class=ErrorClass.TEMPLATE_FAULT)
    return filled


def is_plain(text: str) -> bool:
    """Whether it is printable ASCII: what a header can hold, and nothing that ends one."""
    return text.isascii() and text.isprintable()


def leaves(tree: Any, where: str) -> Iterator[tuple[str, str]]:
    """Every text of a JSON template with its place."""
    match tree:
        case dict():
            for name, value in tree.items():
                yield from leaves(value, f"{where}.{name}")
        case list():
            for at, value in enumerate(tree):
                yield from leaves(value, f"{where}[{at}]")
        case str():
            yield where, tree


def nests_within(tree: Any, levels: int) -> bool:
    """Whether it nests no deeper than that."""
    inner = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return levels >= 0 and all(nests_within(each, levels - 1) for each in inner if isinstance(each, dict | list))
