"""The fields that a condition may ask about, and what may be said of each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneNumberType

from routing import hours
from routing.choices import Channel, TrafficClass

OTHER = "(another value)"
"""Stands for a value that no rule lists: it may be personal."""

OPEN, CLOSED = "open", "closed"

NUMBER_TYPES: dict[int, str] = {value: name.lower() for name, value in vars(PhoneNumberType).items() if name.isupper()}
"""libphonenumber's, by its number."""

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*", re.ASCII)
_TEMPLATE = re.compile(r"[a-z0-9_]{1,512}", re.ASCII)
# No more digits: a rule must not name a person's number, nor a trace show one.
_PREFIX = re.compile(r"\+[1-9][0-9]{0,7}", re.ASCII)
_TAG = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
_WHOLE_KEY = re.compile(r"qs_(?:live|test)_[a-z0-9]{12}_.+", re.ASCII)
_KEY_HEAD = re.compile(r"qs_(?:live|test)_(?=[a-z0-9]{12}$)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Field:
    is_known: Callable[[str], bool]
    hint: str
    tidy: Callable[[str], str] = str
    about: str = ""
    """What has to be said besides, if anything: a zone, the name of an entry."""


def is_tag(word: str) -> bool:
    return bool(_TAG.fullmatch(word))


def is_name(word: object) -> bool:
    """Whether it can be the name of an entry of the metadata."""
    return isinstance(word, str) and 1 <= len(word) <= 255 and word.isprintable()


FIELDS: dict[str, Field] = {
    "country": Field(
        lambda word: word in phonenumbers.SUPPORTED_REGIONS,
        "two-letter country codes of ISO 3166-1 (EG, SA, GB), as the recipient's number has it",
    ),
    "number_type": Field(lambda word: word in NUMBER_TYPES.values(), ", ".join(NUMBER_TYPES.values())),
    "prefix": Field(lambda word: bool(_PREFIX.fullmatch(word)), "beginnings of numbers in E.164, with at most 8 digits (+2010, +1212)"),
    "channel": Field(lambda word: word == "auto" or word in Channel, f"{', '.join(Channel.values)} or auto, as the request asked"),
    "class": Field(lambda word: word in TrafficClass, ", ".join(TrafficClass.values)),
    "template": Field(lambda word: bool(_TEMPLATE.fullmatch(word)), "names of templates"),
    "tag": Field(is_tag, "tags of templates: lower-case letters, digits, hyphens and underscores"),
    # A basic filter of RFC 4647, 3.3.1: `en` takes en-GB too.
    "language": Field(lambda word: bool(_LANGUAGE.fullmatch(word)), "language tags (en, ar, pt-BR); en takes en-GB too", str.lower),
    "key": Field(
        lambda word: 1 <= len(word) <= 120 and not _WHOLE_KEY.match(word),
        "names of API keys, or the 12 letters between the underscores of qs_live_..._; never a whole key",
        lambda word: _KEY_HEAD.sub("", word),
    ),
    "window": Field(lambda word: word in (OPEN, CLOSED), f"{OPEN} or {CLOSED}: WhatsApp's service window"),
    "time": Field(lambda word: hours.read(word.lower()) is not None, hours.HINT, str.lower, about="zone"),
    "metadata": Field(
        lambda word: 1 <= len(word) <= 255 and word.isprintable() and word != OTHER,
        'the values as texts (42 and true are written as well: "42", "true")',
        about="name",
    ),
}
