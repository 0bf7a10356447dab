"""Meta's own form of a template: the request that creates one, read into ours and written from ours.

Meta names variables (`{{order_id}}`) or numbers them (`{{1}}`, anew in header, body and each address); here they have names only. What
Meta's form has no place for, because it is given only at sending (a picture's address, a place, a coupon's code), becomes a variable when
it is read, and is left out when it is written. Nothing is checked here: what was read goes through `content` like every draft.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/templates/components, `parameter_format` and the samples.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from accounts.refusals import FieldError, Refusal
from templates_app import languages, placeholders

_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z0-9_]{1,64})\s*\}\}")
_NO_SAMPLE = "sample"
_PICTURE = "https://shop.example/media"
_PLACE = {"latitude": "30.0444", "longitude": "31.2357", "place": "Cairo", "address": "Tahrir Square"}
_PRODUCT = "SKU-1"
_USUAL_LENGTH = 200
_OURS = {
    "HEADER": {"link", "filename", "location"},
    "COPY_CODE": {"coupon_code"},
    "MPM": {"thumbnail", "sections"},
    "CATALOG": {"thumbnail"},
}


class Parameters(StrEnum):
    """Meta's `parameter_format`."""

    NAMED = "named"
    POSITIONAL = "positional"


class UnreadableForm(Refusal):
    """Not the request with which a template is created at Meta."""

    code = "unreadable_form"
    title = "This is no template in Meta's form."


@dataclass(frozen=True, slots=True)
class Form:
    """A template as it was read: its name and category, and what a draft is made of."""

    name: str
    category: str
    language: str
    whatsapp: dict[str, Any]
    variables: list[dict[str, Any]]


def read(request: Any) -> Form:
    """Ours from Meta's, as it is sent to or told by `message_templates`. Raises UnreadableForm where the outer shape is another."""
    _refuse_other_shapes(request)
    names = _Names()
    components = [_read_component(each, names) for each in request["components"]]
    language = str(request.get("language", "en"))
    tag = languages.canonical(language) or language
    identity = {} if tag.replace("-", "_") == language else {"language": language}
    category = str(request.get("category", "")).lower()
    if category == "authentication" and not names.variables:
        names.add("code", "123456", kind="code", max_length=15)
    whatsapp = {"components": components, **identity}
    return Form(str(request.get("name", "")), category, tag, whatsapp, list(names.variables.values()))


def numbers(text: str) -> list[str]:
    """The numbers that stand for variables in a text of Meta's, in the order of the text."""
    return [found for found in _PLACEHOLDER.findall(text) if found.isdigit()]


def write(
    whatsapp: Mapping[str, Any],
    *,
    variables: list[dict[str, Any]],
    name: str,
    language: str,
    category: str,
    parameters: Parameters = Parameters.NAMED,
) -> dict[str, Any]:
    """Meta's from ours: the body of the request that creates it. The content must have been checked."""
    samples = {each["name"]: each["sample"] for each in variables}
    return {
        "name": whatsapp.get("name", name),
        "language": whatsapp.get("language", language.replace("-", "_")),
        "category": category.upper(),
        "parameter_format": parameters.upper(),
        "components": [_write_component(each, samples, parameters) for each in whatsapp["components"]],
    }


# Reading


@dataclass(slots=True)
class _Names:
    """The variables met so far."""

    variables: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, name: str, sample: str, *, kind: str = "text", max_length: int = 0) -> str:
        longest = max_length or (len(sample) if len(sample) > _USUAL_LENGTH else 0)
        self.variables.setdefault(name, {"name": name, "type": kind, "sample": sample} | ({"max_length": longest} if longest else {}))
        return f"{{{{{name}}}}}"

    def rename(self, text: str, *, scope: str, samples: Mapping[str, str]) -> str:
        """The text with our names: `{{1}}` of the body becomes `{{body_1}}`, and a name stays one."""
        return _PLACEHOLDER.sub(lambda found: self.add(_name(found[1], scope), samples.get(found[1], _NO_SAMPLE)), text)


def _name(theirs: str, scope: str) -> str:
    ours = f"{scope}_{theirs}" if theirs.isdigit() else theirs.lower()
    return ours if placeholders.NAME.fullmatch(ours) else f"v_{ours}"[:64]


def _read_component(raw: Mapping[str, Any], names: _Names) -> dict[str, Any]:
    kind, read_one = str(raw.get("type", "")).upper(), dict(raw)
    if kind == "BUTTONS" and isinstance(raw.get("buttons"), list):
        read_one["buttons"] = [_read_button(each, place, names) for place, each in enumerate(raw["buttons"], start=1)]
    elif kind == "HEADER" and str(raw.get("format", "")).upper() != "TEXT":
        read_one |= _read_media(str(raw.get("format", "")).upper(), names)
    elif isinstance(raw.get("text"), str):
        samples = dict(_samples(read_one.pop("example", None)))
        read_one["text"] = names.rename(raw["text"], scope=kind.lower(), samples=samples)
    return read_one


def _read_media(form: str, names: _Names) -> dict[str, Any]:
    if form == "LOCATION":
        given = {
            key: names.add(name, sample)
            for (name, sample), key in zip(_PLACE.items(), ("latitude", "longitude", "name", "address"), strict=True)
        }
        return {"location": given}
    return {"link": names.add(form.lower() or "media", _PICTURE, kind="url")}


def _read_button(raw: Any, place: int, names: _Names) -> Any:
    if not isinstance(raw, dict):
        return raw
    button, kind = dict(raw), str(raw.get("type", "")).upper()
    if kind == "URL" and isinstance(raw.get("url"), str):
        example = _first(button.pop("example", None)) or _NO_SAMPLE
        fixed = raw["url"].partition("{{")[0]
        button["url"] = names.rename(raw["url"], scope=f"button_{place}", samples={"1": example.removeprefix(fixed) or _NO_SAMPLE})
    elif kind == "COPY_CODE":
        button["coupon_code"] = names.add("coupon", _first(button.pop("example", None)) or "SAVE10", max_length=15)
    elif kind == "MPM":
        product = names.add("product", _PRODUCT)
        button |= {"thumbnail": product, "sections": [{"title": "Products", "products": [product]}]}
    return button


def _samples(example: Any) -> Iterator[tuple[str, str]]:
    """By Meta's name or number, the sample of a header's or a body's variable."""
    if not isinstance(example, dict):
        return
    for key in ("body_text_named_params", "header_text_named_params"):
        for each in example.get(key) or ():
            if isinstance(each, dict):
                yield str(each.get("param_name", "")), str(each.get("example", "")) or _NO_SAMPLE
    numbered = example.get("header_text") or example.get("body_text") or ()
    if isinstance(numbered, list) and numbered and isinstance(numbered[0], list):
        numbered = numbered[0]
    if isinstance(numbered, list):
        yield from ((str(number), str(each) or _NO_SAMPLE) for number, each in enumerate(numbered, start=1))


def _first(example: Any) -> str:
    given = example[0] if isinstance(example, list) and example else example
    return given if isinstance(given, str) else ""


# Writing


def _write_component(raw: Mapping[str, Any], samples: Mapping[str, str], parameters: Parameters) -> dict[str, Any]:
    kind = raw["type"].upper()
    written = {key: value for key, value in raw.items() if key not in _OURS.get(kind, ())}
    if kind == "BUTTONS":
        written["buttons"] = [_write_button(each, samples) for each in raw["buttons"]]
    elif names := placeholders.names(raw.get("text", "")):
        written["text"] = _numbered(raw["text"], names) if parameters == Parameters.POSITIONAL else raw["text"]
        written["example"] = dict(_example(kind.lower(), names, samples, parameters))
    return written


def _example(part: str, names: list[str], samples: Mapping[str, str], parameters: Parameters) -> Iterator[tuple[str, Any]]:
    if parameters == Parameters.NAMED:
        yield f"{part}_text_named_params", [{"param_name": name, "example": samples[name]} for name in names]
    else:
        given = [samples[name] for name in names]
        yield f"{part}_text", [given] if part == "body" else given


def _write_button(raw: Mapping[str, Any], samples: Mapping[str, str]) -> dict[str, Any]:
    """A button's parameters are numbered in either form."""
    kind = raw["type"].upper()
    written = {key: value for key, value in raw.items() if key not in _OURS.get(kind, ())}
    if kind == "URL" and (names := placeholders.names(raw["url"])):
        written |= {"url": _numbered(raw["url"], names), "example": [samples[name] for name in names]}
    if kind == "COPY_CODE":
        written["example"] = placeholders.fill(raw["coupon_code"], samples)
    return written


def _numbered(text: str, names: list[str]) -> str:
    return placeholders.PLACEHOLDER.sub(lambda found: f"{{{{{names.index(found[1]) + 1}}}}}", text)


def _refuse_other_shapes(request: Any) -> None:
    components = request.get("components") if isinstance(request, dict) else None
    if not isinstance(components, list) or not all(isinstance(each, dict) for each in components):
        message = "Give the object with which Meta creates a template: {name, language, category, components}."
        raise UnreadableForm(message, errors=[FieldError("components", "unreadable_form", message)])
