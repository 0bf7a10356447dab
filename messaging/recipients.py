"""Whom a message is for: read once, kept in one spelling."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from phonenumbers import NumberParseException, PhoneNumberFormat

from accounts.refusals import FieldError, Refusal
from routing import vault

# Digits and what people put between them. The library would read letters (+1-800-FLOWERS) and every script's digits too.
_DIALLED = re.compile(r"\+[0-9][0-9 ().\-]{1,40}")


# As they are written on purpose: a ticket's digits alone may be anything, and are no number to us.
_SOMEBODY = re.compile(r"[^\s@]@[^\s@]+\.[^\s@]|\+[0-9](?:[ ().\-]{0,2}[0-9]){6,}")


class InvalidRecipient(Refusal):
    """The recipient can't be one on that channel."""

    code = "invalid_recipient"
    title = "The recipient is not a valid one for the channel."


@dataclass(frozen=True, slots=True)
class Recipient:
    """`text` is E.164 (`+201001234567`), or an e-mail address with its domain in lower case."""

    kind: str
    text: str = field(repr=False)
    country: str = ""
    """ISO 3166-1 alpha-2 of a phone number; empty for numbers of no country, and for e-mail."""


def read(text: str, *, channel: str) -> Recipient:
    """The recipient on that channel (`auto`: whatever it looks like); raises InvalidRecipient."""
    is_email = channel == "email" or (channel == "auto" and "@" in text)
    return _email(text) if is_email else _phone(text)


def hash_of(text: str) -> bytes:
    """The keyed hash by which a recipient, in our spelling, is found again: for consent, search and caps.

    No e-mail service that anybody knows of tells `Sara@` from `sara@`, and people write either; a letter goes to the address as written.
    """
    return vault.blind_index(text.lower() if "@" in text else text)


def names_somebody(text: str) -> bool:
    """Whether an e-mail address, or a number with its plus, stands in it."""
    return _SOMEBODY.search(text) is not None


def mask(text: str) -> str:
    """Enough to recognise and too little to use."""
    if "@" in text:
        return f"{text[0]}***@{text.rpartition('@')[2]}"
    return f"{text[:3]}{'*' * (len(text) - 6)}{text[-3:]}"


def _phone(text: str) -> Recipient:
    try:
        number = phonenumbers.parse(text if _DIALLED.fullmatch(text) else "")
    except NumberParseException:
        raise _refused("Write the number in E.164: a plus sign, the country code and the number, such as +201001234567.") from None
    if not phonenumbers.is_valid_number(number) or number.extension:
        raise _refused("The number does not exist in its country's plan; write it in E.164, such as +201001234567.")
    country = phonenumbers.region_code_for_number(number)
    return Recipient("phone", phonenumbers.format_number(number, PhoneNumberFormat.E164), country if country and country != "001" else "")


def _email(text: str) -> Recipient:
    try:
        validate_email(text)
    except ValidationError:
        raise _refused("Write an e-mail address, such as sara@example.com.") from None
    local, _, domain = text.rpartition("@")
    return Recipient("email", f"{local}@{domain.lower()}")


def _refused(way_out: str) -> InvalidRecipient:
    return InvalidRecipient(way_out, errors=[FieldError("recipient", "invalid_recipient", way_out)])
