"""The rules of a WhatsApp template, in Meta's create shape with named parameters.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/templates/components and its sister pages on location,
copy-code and one-time-code templates. Two things are ours, because Meta takes them only at sending: a media header's `link` (and a
document's `filename`), and a location header's `location`. Samples are the variables' own, so `example` holds only a media handle.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from accounts.refusals import FieldError
from routing.choices import TrafficClass
from templates_app import buttons, wordings
from templates_app.choices import VariableType
from templates_app.variables import Variable

LONGEST_HEADER = 60
LONGEST_BODY = 1_024
LONGEST_FOOTER = 60
LONGEST_CODE = 15
MEDIA = {"IMAGE", "VIDEO", "DOCUMENT"}
PLACE = ("latitude", "longitude", "name", "address")

_AT = "content.whatsapp"
_NAME = re.compile(r"[a-z0-9_]{1,512}")
_HANDLE = re.compile(r"[\x20-\x7a\n]{1,4000}")  # printable ASCII without braces
_PROVIDER = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ID = re.compile(r"[\x21-\x7a]{1,64}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:_[A-Z]{2}|_[A-Z]{3})?")
_PARAMETER_FORMATS = ("named", "positional")
_SPACING = re.compile(r"\t|\n{4,}| {5,}")
_NEIGHBOURS = re.compile(r"\}\}\s*\{\{")
_PLAIN_BREAKERS = re.compile("[\r\n*~`\U0001f000-\U0001faff\u2600-\u27bf\ufe0f]")
_LITERALS = re.compile(r"\{\{[a-z0-9_]*\}\}")


def check(raw: Any, *, declared: Mapping[str, Variable], category: str) -> Iterator[FieldError]:
    """What is wrong with `content.whatsapp`."""
    if not isinstance(raw, dict):
        yield FieldError(_AT, "invalid_type", "Give an object: {components, provider_ids}.")
        return
    yield from wordings.unknown_keys(raw, known={"components", "provider_ids", "name", "language", "parameter_format"}, at=_AT)
    yield from _check_identity(raw)
    parts = _parts(raw.get("components"))
    if isinstance(parts, FieldError):
        yield parts
    elif category == TrafficClass.AUTHENTICATION:
        yield from _check_one_time_code(parts, declared=declared)
    else:
        yield from _check_ordinary(parts, declared=declared)


Parts = dict[str, tuple[str, dict[str, Any]]]
"""By component type: where it stands, and the component."""


def _check_identity(raw: Mapping[str, Any]) -> Iterator[FieldError]:
    ids = raw.get("provider_ids", {})
    if not isinstance(ids, dict) or not all(_PROVIDER.fullmatch(key) and _is_id(each) for key, each in ids.items()):
        yield FieldError(f"{_AT}.provider_ids", "invalid_type", 'Give the template\'s id by provider, as text: {"twilio": "HX..."}.')
    if not _NAME.fullmatch(str(raw.get("name", "a"))):
        yield FieldError(f"{_AT}.name", "invalid_name", "Use lower-case letters, digits and underscores: the template's name at Meta.")
    if not _LANGUAGE.fullmatch(str(raw.get("language", "en"))):
        yield FieldError(f"{_AT}.language", "invalid_language", "Write it as Meta does: en, en_US, pt_BR.")
    if raw.get("parameter_format", "named") not in _PARAMETER_FORMATS:
        message = "Write named, or positional for a template that stands at Meta with numbers for names."
        yield FieldError(f"{_AT}.parameter_format", "unknown_format", message)


def _is_id(raw: Any) -> bool:
    return isinstance(raw, str) and _ID.fullmatch(raw) is not None


def _parts(raw: Any) -> Parts | FieldError:
    """The components by their type, or what keeps them from being read."""
    if not isinstance(raw, list) or not all(isinstance(each, dict) for each in raw):
        return FieldError(f"{_AT}.components", "invalid_type", "Give a list of components: HEADER, BODY, FOOTER, BUTTONS.")
    parts: Parts = {}
    for place, each in enumerate(raw):
        at, kind = f"{_AT}.components[{place}]", str(each.get("type", "")).upper()
        if kind not in {"HEADER", "BODY", "FOOTER", "BUTTONS"}:
            return FieldError(f"{at}.type", "unknown_component", "Use HEADER, BODY, FOOTER or BUTTONS.")
        if kind in parts:
            return FieldError(f"{at}.type", "repeated", f"There is a second {kind}. Leave one.")
        parts[kind] = (at, each)
    if "BODY" not in parts:
        return FieldError(f"{_AT}.components", "required", "Add the component BODY; every template has one.")
    return parts


def _check_ordinary(parts: Parts, *, declared: Mapping[str, Variable]) -> Iterator[FieldError]:
    yield from _check_body(*parts["BODY"], declared=declared)
    if "HEADER" in parts:
        yield from _check_header(*parts["HEADER"], declared=declared)
    if "FOOTER" in parts:
        yield from _check_footer(*parts["FOOTER"])
    if "BUTTONS" in parts:
        yield from buttons.check(*parts["BUTTONS"], declared=declared)


def _check_body(at: str, raw: Mapping[str, Any], *, declared: Mapping[str, Variable]) -> Iterator[FieldError]:
    yield from wordings.unknown_keys(raw, known={"type", "text"}, at=at)
    text, at = raw.get("text"), f"{at}.text"
    yield from wordings.check(text, at=at, longest=LONGEST_BODY, declared=declared)
    if not isinstance(text, str):
        return
    if text.strip().startswith("{{") or text.strip().endswith("}}"):
        yield FieldError(at, "variable_at_edge", "WhatsApp refuses a body that begins or ends with a variable. Put words around it.")
    if _NEIGHBOURS.search(text):
        yield FieldError(at, "neighbouring_variables", "WhatsApp refuses two variables side by side. Put words between them.")
    if _SPACING.search(text):
        yield FieldError(at, "spacing", "WhatsApp refuses tabs, more than four spaces and more than three line breaks in a row.")


def _check_header(at: str, raw: Mapping[str, Any], *, declared: Mapping[str, Variable]) -> Iterator[FieldError]:
    form = str(raw.get("format", "")).upper()
    if form == "TEXT":
        yield from _check_text_header(at, raw, declared=declared)
    elif form in MEDIA:
        yield from _check_media_header(at, raw, form=form, declared=declared)
    elif form == "LOCATION":
        yield from _check_location_header(at, raw, declared=declared)
    else:
        moving = " A GIF is taken by Meta's marketing API alone, which is not spoken here: send it as VIDEO." if form == "GIF" else ""
        yield FieldError(f"{at}.format", "unknown_format", f"Use TEXT, IMAGE, VIDEO, DOCUMENT or LOCATION.{moving}")


def _check_text_header(at: str, raw: Mapping[str, Any], *, declared: Mapping[str, Variable]) -> Iterator[FieldError]:
    yield from wordings.unknown_keys(raw, known={"type", "format", "text"}, at=at)
    text, at = raw.get("text"), f"{at}.text"
    yield from wordings.check(text, at=at, longest=LONGEST_HEADER, declared=declared)
    if not isinstance(text, str):
        return
    if text.count("{{") > 1:
        yield FieldError(at, "too_many_variables", "A header takes one variable. Move the others to the body.")
    if _PLAIN_BREAKERS.search(_LITERALS.sub("", text)):
        yield FieldError(at, "formatting", "A header is plain: no emoji, no line break, none of * ~ `.")


def _check_media_header(at: str, raw: Mapping[str, Any], *, form: str, declared: Mapping[str, Variable]) -> Iterator[FieldError]:
    known = {"type", "format", "link", "example"} | ({"filename"} if form == "DOCUMENT" else set())
    yield from wordings.unknown_keys(raw, known=known, at=at)
    yield from buttons.check_address(raw.get("link"), at=f"{at}.link", declared=declared)
    if "filename" in raw:
        yield from wordings.check(raw["filename"], at=f"{at}.filename", longest=240, declared=declared)
    if "example" in raw and not _is_handle(raw["example"]):
        yield FieldError(f"{at}.example", "invalid", 'Give Meta\'s upload handle: {"header_handle": ["4::..."]}.')


def _is_handle(raw: Any) -> bool:
    handles = raw.get("header_handle") if isinstance(raw, dict) and len(raw) == 1 else None
    return isinstance(handles, list) and bool(handles) and all(isinstance(each, str) and _HANDLE.fullmatch(each) for each in handles)


def _check_location_header(at: str, raw: Mapping[str, Any], *, declared: Mapping[str, Variable]) -> Iterator[FieldError]:
    yield from wordings.unknown_keys(raw, known={"type", "format", "location"}, at=at)
    place, at = raw.get("location"), f"{at}.location"
    if not isinstance(place, dict):
        yield FieldError(at, "required", f"Give an object of texts: {', '.join(PLACE)}.")
        return
    yield from wordings.unknown_keys(place, known=set(PLACE), at=at)
    for key in PLACE:
        yield from wordings.check(place.get(key), at=f"{at}.{key}", longest=200, declared=declared)


def _check_footer(at: str, raw: Mapping[str, Any]) -> Iterator[FieldError]:
    yield from wordings.unknown_keys(raw, known={"type", "text"}, at=at)
    yield from wordings.check_fixed(raw.get("text"), at=f"{at}.text", longest=LONGEST_FOOTER)
    if isinstance(raw.get("text"), str) and _PLAIN_BREAKERS.search(raw["text"]):
        yield FieldError(f"{at}.text", "formatting", "A footer is plain: no emoji, no line break, none of * ~ `.")


def _check_one_time_code(parts: Parts, *, declared: Mapping[str, Variable]) -> Iterator[FieldError]:
    """WhatsApp words these itself: the author chooses only the warning, the minutes and the button."""
    at, body = parts["BODY"]
    known = {"type", "add_security_recommendation"}
    yield from wordings.unknown_keys(body, known=known, at=at)
    if not isinstance(body.get("add_security_recommendation", False), bool):
        yield FieldError(f"{at}.add_security_recommendation", "invalid_type", "Write true or false.")
    if "HEADER" in parts:
        yield FieldError(parts["HEADER"][0], "not_allowed", "A one-time-code template has no header. Remove it.")
    if "FOOTER" in parts:
        yield from _check_expiry(*parts["FOOTER"])
    if "BUTTONS" not in parts:
        yield FieldError(f"{_AT}.components", "required", "Add BUTTONS with one button of the type OTP: category authentication needs it.")
    else:
        yield from buttons.check_one_time_code(*parts["BUTTONS"])
    code = code_name(declared)
    if code is None:
        yield FieldError("variables", "required", "Declare exactly one variable of the type code: it is the one-time code.")
    elif declared[code].max_length > LONGEST_CODE:
        yield FieldError(
            "variables", "out_of_range", f"WhatsApp's one-time codes have {LONGEST_CODE} characters at most: lower its max_length."
        )


def _check_expiry(at: str, raw: Mapping[str, Any]) -> Iterator[FieldError]:
    yield from wordings.unknown_keys(raw, known={"type", "code_expiration_minutes"}, at=at)
    minutes = raw.get("code_expiration_minutes")
    if not isinstance(minutes, int) or isinstance(minutes, bool) or not 1 <= minutes <= 90:
        yield FieldError(f"{at}.code_expiration_minutes", "out_of_range", "Give whole minutes from 1 to 90.")


def code_name(declared: Mapping[str, Variable]) -> str | None:
    """The variable that is the one-time code, or None where not exactly one can be it."""
    codes = [name for name, variable in declared.items() if variable.type == VariableType.CODE]
    return codes[0] if len(codes) == 1 else None
