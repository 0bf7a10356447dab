"""The rules of WhatsApp's buttons: at most ten, two of them addresses, one a telephone number, one a code to copy.

A flow, a catalogue and a choice of products are buttons too. The products (`thumbnail`, `sections`) are ours: Meta takes them only at
sending.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from accounts.refusals import FieldError
from templates_app import placeholders, wordings
from templates_app.choices import VariableType
from templates_app.variables import Variable

MOST = 10
LONGEST_LABEL = 25
LONGEST_COUPON = 15
_MOST_OF = {"QUICK_REPLY": 10, "URL": 2, "PHONE_NUMBER": 1, "COPY_CODE": 1, "FLOW": 1, "CATALOG": 1, "MPM": 1}
_LONGEST_ADDRESS = 2_000
_PHONE = re.compile(r"\+?[0-9]{4,19}")
_FIXED_HOST = re.compile(r"https?://[^/?#{}\s@]+[/?#]", re.IGNORECASE)
_KEYS: Mapping[str, tuple[str, ...]] = {
    "QUICK_REPLY": ("text",),
    "URL": ("text", "url"),
    "PHONE_NUMBER": ("text", "phone_number"),
    "COPY_CODE": ("coupon_code",),
    "FLOW": ("text", "flow_id", "flow_name", "flow_json", "flow_action", "navigate_screen", "icon"),
    "CATALOG": ("text", "thumbnail"),
    "MPM": ("text", "thumbnail", "sections"),
}
_FLOW = ("flow_id", "flow_name", "flow_json")
_FLOW_ACTIONS = {"navigate", "data_exchange"}
_LONGEST_FLOW = 50_000
_LONGEST_PRODUCT = 100
_LONGEST_SECTION = 24
_MOST_SECTIONS = 10
_MOST_PRODUCTS = 30
_APP_KEYS: Mapping[str, tuple[str, ...]] = {
    "COPY_CODE": (),
    "ONE_TAP": ("autofill_text", "package_name", "signature_hash"),
}
_SUFFIXES = {VariableType.TEXT, VariableType.CODE, VariableType.NUMBER}


def check(at: str, raw: Mapping[str, Any], *, declared: Mapping[str, Variable]) -> Iterator[FieldError]:
    """What is wrong with the component BUTTONS at that place."""
    yield from wordings.unknown_keys(raw, known={"type", "buttons"}, at=at)
    listed, at = raw.get("buttons"), f"{at}.buttons"
    if not isinstance(listed, list) or not listed or not all(isinstance(each, dict) for each in listed):
        yield FieldError(at, "required", "Give a list of buttons, or leave BUTTONS out.")
        return
    kinds = [str(each.get("type", "")).upper() for each in listed]
    yield from _check_numbers(kinds, at=at)
    for place, (kind, each) in enumerate(zip(kinds, listed, strict=True)):
        yield from _check_one(kind, each, at=f"{at}[{place}]", declared=declared)


def _check_numbers(kinds: list[str], *, at: str) -> Iterator[FieldError]:
    if len(kinds) > MOST:
        yield FieldError(at, "too_many", f"There are {len(kinds)} buttons; {MOST} are allowed.")
    for kind, most in _MOST_OF.items():
        if kinds.count(kind) > most:
            yield FieldError(at, "too_many", f"There are {kinds.count(kind)} buttons of the type {kind}; {most} may be there.")
    groups = [is_reply for is_reply, _ in itertools.groupby(kinds, key=lambda kind: kind == "QUICK_REPLY")]
    if len(groups) > 2:
        yield FieldError(at, "mixed_order", "Put the quick replies together: before all other buttons, or after them.")


def _check_one(kind: str, raw: Mapping[str, Any], *, at: str, declared: Mapping[str, Variable]) -> Iterator[FieldError]:
    if kind not in _KEYS:
        yield FieldError(f"{at}.type", "unknown_button", f"Use one of {', '.join(_KEYS)}; OTP belongs to the category authentication.")
        return
    yield from wordings.unknown_keys(raw, known={"type", *_KEYS[kind]}, at=at)
    if "text" in _KEYS[kind]:
        yield from wordings.check_fixed(raw.get("text"), at=f"{at}.text", longest=LONGEST_LABEL)
    match kind:
        case "URL":
            yield from _check_url(raw.get("url"), at=f"{at}.url", declared=declared)
        case "PHONE_NUMBER":
            yield from _check_phone(raw.get("phone_number"), at=f"{at}.phone_number")
        case "COPY_CODE":
            yield from _check_coupon(raw.get("coupon_code"), at=f"{at}.coupon_code", declared=declared)
        case "FLOW":
            yield from _check_flow(raw, at=at)
        case "CATALOG" if "thumbnail" in raw:
            yield from wordings.check(raw["thumbnail"], at=f"{at}.thumbnail", longest=_LONGEST_PRODUCT, declared=declared)
        case "MPM":
            yield from wordings.check(raw.get("thumbnail"), at=f"{at}.thumbnail", longest=_LONGEST_PRODUCT, declared=declared)
            yield from _check_sections(raw.get("sections"), at=f"{at}.sections", declared=declared)


def _check_url(url: Any, *, at: str, declared: Mapping[str, Variable]) -> Iterator[FieldError]:
    yield from wordings.check(url, at=at, longest=_LONGEST_ADDRESS, declared=declared)
    if not isinstance(url, str):
        return
    fixed, opening, suffix = url.partition("{{")
    if not _is_address(fixed) or (opening and not _FIXED_HOST.match(fixed)):
        yield FieldError(
            at, "invalid_url", "Write a whole address; a variable may only follow its first slash: https://shop.example/{{id}}."
        )
    if opening and (not suffix.endswith("}}") or "{{" in suffix):
        yield FieldError(at, "variable_not_last", "WhatsApp takes one variable, at the very end of the address.")
    for name in placeholders.names(url):
        if name in declared and declared[name].type not in _SUFFIXES:
            yield FieldError(at, "unfit_variable", f"{{{{{name}}}}} is appended to the address: declare it as text, number or code.")


def _check_phone(number: Any, *, at: str) -> Iterator[FieldError]:
    if not isinstance(number, str) or not _PHONE.fullmatch(number):
        yield FieldError(at, "invalid_phone_number", "Write + and digits, 20 characters at most: +201001234567.")


def _check_coupon(code: Any, *, at: str, declared: Mapping[str, Variable]) -> Iterator[FieldError]:
    yield from wordings.check(code, at=at, longest=100, declared=declared)
    if isinstance(code, str) and "{{" not in code and len(code) > LONGEST_COUPON:
        yield FieldError(at, "too_long", f"A code to copy has {LONGEST_COUPON} characters at most.")


def _check_flow(raw: Mapping[str, Any], *, at: str) -> Iterator[FieldError]:
    """A flow is named in one way; its words are Meta's, so nothing in them is a variable of ours."""
    named = [key for key in _FLOW if key in raw]
    if len(named) != 1:
        yield FieldError(at, "required", f"Name the flow by exactly one of {', '.join(_FLOW)}.")
    for key in (*named, "navigate_screen", "icon"):
        if key in raw and not (isinstance(raw[key], str) and raw[key].strip() and len(raw[key]) <= _LONGEST_FLOW):
            yield FieldError(f"{at}.{key}", "invalid_type", f"Give a text of 1 to {_LONGEST_FLOW} characters.")
    if raw.get("flow_action", "navigate") not in _FLOW_ACTIONS:
        yield FieldError(f"{at}.flow_action", "unknown_action", f"Use one of {', '.join(sorted(_FLOW_ACTIONS))}.")


def _check_sections(raw: Any, *, at: str, declared: Mapping[str, Variable]) -> Iterator[FieldError]:
    if not isinstance(raw, list) or not 1 <= len(raw) <= _MOST_SECTIONS or not all(map(_is_section, raw)):
        yield FieldError(at, "invalid_type", f"Give 1 to {_MOST_SECTIONS} sections: {{title, products: [the catalogue's ids]}}.")
        return
    if sum(len(each["products"]) for each in raw) > _MOST_PRODUCTS:
        yield FieldError(at, "too_many", f"{_MOST_PRODUCTS} products are allowed in all.")
    for place, each in enumerate(raw):
        yield from wordings.check_fixed(each["title"], at=f"{at}[{place}].title", longest=_LONGEST_SECTION)
        for number, product in enumerate(each["products"]):
            yield from wordings.check(product, at=f"{at}[{place}].products[{number}]", longest=_LONGEST_PRODUCT, declared=declared)


def _is_section(raw: Any) -> bool:
    return isinstance(raw, dict) and raw.keys() == {"title", "products"} and isinstance(raw["products"], list) and bool(raw["products"])


def check_address(raw: Any, *, at: str, declared: Mapping[str, Variable]) -> Iterator[FieldError]:
    """What is wrong with the address of a header's picture: fixed text, or one variable of the type url."""
    yield from wordings.check(raw, at=at, longest=_LONGEST_ADDRESS, declared=declared)
    if not isinstance(raw, str):
        return
    whole = placeholders.PLACEHOLDER.fullmatch(raw)
    if whole and whole[1] in declared and declared[whole[1]].type != VariableType.URL:
        yield FieldError(at, "unfit_variable", f"{{{{{whole[1]}}}}} must be declared with the type url.")
    if not whole and ("{{" in raw or not _is_address(raw)):
        yield FieldError(at, "invalid_url", "Write a whole https:// address, or one variable of the type url: {{picture}}.")


def check_one_time_code(at: str, raw: Mapping[str, Any]) -> Iterator[FieldError]:
    """What is wrong with the buttons of a one-time-code template: exactly one, of the type OTP."""
    yield from wordings.unknown_keys(raw, known={"type", "buttons"}, at=at)
    listed, at = raw.get("buttons"), f"{at}.buttons"
    if (
        not isinstance(listed, list)
        or len(listed) != 1
        or not isinstance(listed[0], dict)
        or str(listed[0].get("type", "")).upper() != "OTP"
    ):
        yield FieldError(at, "required", 'Give exactly one button: {"type": "OTP", "otp_type": "COPY_CODE"}.')
        return
    button, at = listed[0], f"{at}[0]"
    kind = str(button.get("otp_type", "")).upper()
    if kind not in _APP_KEYS:
        yield FieldError(f"{at}.otp_type", "unknown_button", f"Use one of {', '.join(_APP_KEYS)}.")
        return
    yield from wordings.unknown_keys(button, known={"type", "otp_type", "text", *_APP_KEYS[kind]}, at=at)
    for key, required in ("text", False), *((key, True) for key in _APP_KEYS[kind]):
        if required or key in button:
            yield from wordings.check_fixed(button.get(key), at=f"{at}.{key}", longest=LONGEST_LABEL if key.endswith("text") else 224)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc and not re.search(r"\s", text)
