"""A template as a file: what it says in each language, in a form that is stable, reads well in a diff, and moves between installations.

docs/templates.md describes the form. A file is only read here; whether a template may say what it says is decided by `writing`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accounts.refusals import FieldError, Refusal
from templates_app import hashing, languages, letters, meta_form

FORM = 1
"""The form's own version, which every file names (`qsura_template`)."""
LARGEST = 1_000_000
"""Characters of a file."""
MOST = 100
"""Languages of a file."""

_KEYS = ("qsura_template", "name", "category", "description", "versions")
_VERSION_KEYS = ("language", "hash", "origin", "content", "variables")
_FIRST = ("name", "type", "format", "subject", "sample", "text", "html")
_OF_LINES = {"text", "html"}
_HASH = re.compile(r"[0-9a-f]{64}")
_NUMBERED = re.compile(r"\{\{\s*[0-9]+\s*\}\}")
_LONGEST_ORIGIN = 200


class UnreadableFile(Refusal):
    """Not the form in which templates are exchanged; `errors` names each field and the way out."""

    code = "unreadable_file"
    title = "This is no file of a template."


@dataclass(frozen=True, slots=True)
class Version:
    """What a file says in one language."""

    language: str
    content: dict[str, Any]
    variables: list[dict[str, Any]]
    hash: str
    """SHA-256 in hexadecimal, by which the file says what it means to say; empty where it has none."""
    origin: Mapping[str, str]
    """Where it was exported: platform, business, version, status."""


@dataclass(frozen=True, slots=True)
class File:
    """A template as a file has it."""

    name: str
    category: str
    description: str
    versions: tuple[Version, ...]

    def digest(self, version: Version) -> bytes:
        """The hash that a stored version of these words has."""
        return hashing.digest(
            version.content, variables=version.variables, language=version.language, category=self.category, name=self.name
        )


def write(*, name: str, category: str, description: str, versions: Sequence[Version]) -> dict[str, Any]:
    """The file's object. The same template always makes the same file, whatever the database's order of keys."""
    return {
        "qsura_template": FORM,
        "name": name,
        "category": category,
        "description": description,
        "versions": [
            {
                "language": each.language,
                "hash": each.hash,
                "origin": dict(each.origin),
                "content": _in_lines(_in_order(each.content)),
                "variables": _in_order(each.variables),
            }
            for each in sorted(versions, key=lambda each: each.language)
        ],
    }


def dump(file: Mapping[str, Any]) -> str:
    """The file's text."""
    return json.dumps(file, indent=2, ensure_ascii=False) + "\n"


def load(text: str) -> File:
    """The file behind a text. Raises UnreadableFile."""
    if len(text) > LARGEST:
        raise UnreadableFile(f"It has {len(text)} characters; {LARGEST} are allowed.")
    try:
        raw = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_once)
        # Half a character can be written as an escape, and nowhere kept.
        json.dumps(raw, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(f"It is not JSON in UTF-8: {error}.") from error
    return read(raw)


def read(raw: Any) -> File:
    """The file behind an object: ours, or the request with which a template is created at Meta. Raises UnreadableFile."""
    if isinstance(raw, dict) and "components" in raw and "qsura_template" not in raw:
        form = meta_form.read(raw)
        return File(form.name, form.category, "", (Version(form.language, {"whatsapp": form.whatsapp}, form.variables, "", {}),))
    if errors := list(_mistakes(raw)):
        raise UnreadableFile(f"The file has {len(errors)} mistake(s); see `errors`.", errors=errors)
    file = File(
        raw["name"], raw["category"], raw.get("description", ""), tuple(_version(each, raw["category"]) for each in raw["versions"])
    )
    if errors := list(_strangers(file)):
        raise UnreadableFile("The file does not say what its hash says.", errors=errors)
    return file


# Writing


def _in_order(value: Any) -> Any:
    """The same with every object's keys in one order: those that tell what it is, and then by the alphabet."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: (_FIRST.index(key) if key in _FIRST else len(_FIRST), key))
        return {key: _in_order(value[key]) for key in keys}
    return [_in_order(each) for each in value] if isinstance(value, list) else value


def _in_lines(value: Any, key: str = "") -> Any:
    """The same with texts of several lines as lists of lines: a diff then shows the line that was changed."""
    if isinstance(value, dict):
        return {key: _in_lines(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_in_lines(each) for each in value]
    return value.split("\n") if key in _OF_LINES and isinstance(value, str) and "\n" in value else value


# Reading


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of a key that stands there twice nobody knows which one is meant."""
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands twice in one object")
    return found


def _mistakes(raw: Any) -> Iterator[FieldError]:
    if not isinstance(raw, dict):
        yield FieldError("", "invalid_type", "Give one object: {qsura_template, name, category, versions}.")
        return
    for key in sorted(raw.keys() - set(_KEYS)):
        yield FieldError(key[:64], "unknown_field", f"Remove it; here are allowed: {', '.join(_KEYS)}.")
    if raw.get("qsura_template") != FORM or isinstance(raw.get("qsura_template"), bool):
        yield FieldError("qsura_template", "unknown_form", f"Write {FORM}: the form that this installation reads.")
    for key in ("name", "category"):
        if not isinstance(raw.get(key), str):
            yield FieldError(key, "required", "Give a text.")
    if not isinstance(raw.get("description", ""), str):
        yield FieldError("description", "invalid_type", "Give a text, or leave it out.")
    versions = raw.get("versions")
    if not isinstance(versions, list) or not 1 <= len(versions) <= MOST:
        yield FieldError("versions", "required", f"Give a list of 1 to {MOST} versions, one for each language.")
        return
    for place, each in enumerate(versions):
        yield from _mistakes_of(each, at=f"versions[{place}]")
    yield from _repeated(versions)


def _mistakes_of(raw: Any, *, at: str) -> Iterator[FieldError]:
    if not isinstance(raw, dict):
        yield FieldError(at, "invalid_type", "Give an object: {language, content, variables}.")
        return
    for key in sorted(raw.keys() - set(_VERSION_KEYS)):
        yield FieldError(f"{at}.{key[:64]}", "unknown_field", f"Remove it; here are allowed: {', '.join(_VERSION_KEYS)}.")
    if not isinstance(raw.get("language"), str):
        yield FieldError(f"{at}.language", "required", "Give the language as in BCP 47: en, ar, pt-BR.")
    if not isinstance(raw.get("content"), dict):
        yield FieldError(f"{at}.content", "required", "Give an object with each channel's content.")
    elif _is_mixed(raw["content"]):
        message = "Numbered parameters are Meta's own form, which has no link, filename, location or coupon_code. Name the variables."
        yield FieldError(f"{at}.content.whatsapp", "mixed_forms", message)
    if not isinstance(raw.get("variables", []), list):
        yield FieldError(f"{at}.variables", "invalid_type", "Give a list of {name, type, sample}.")
    if not isinstance(raw.get("hash", ""), str) or not (raw.get("hash", "") == "" or _HASH.fullmatch(raw["hash"])):
        yield FieldError(f"{at}.hash", "invalid", "Give 64 hexadecimal digits, or leave it out.")
    if not _is_origin(raw.get("origin", {})):
        yield FieldError(f"{at}.origin", "invalid", f"Give an object of short texts ({_LONGEST_ORIGIN} characters), or leave it out.")


def _is_origin(raw: Any) -> bool:
    return isinstance(raw, dict) and len(raw) <= 10 and all(_is_short(word) for pair in raw.items() for word in pair)


def _is_short(text: Any) -> bool:
    return isinstance(text, str) and len(text) <= _LONGEST_ORIGIN and not letters.is_unprintable(text) and not letters.turns_others(text)


def _repeated(versions: list[Any]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for place, each in enumerate(versions):
        language = str(each.get("language")) if isinstance(each, dict) else ""
        tag = languages.canonical(language) or language
        if language and tag in seen:
            yield FieldError(f"versions[{place}].language", "repeated", "There is another version in this language. Leave one.")
        seen.add(tag)


def _version(raw: dict[str, Any], category: str) -> Version:
    language = languages.canonical(raw["language"]) or raw["language"]
    content, variables = _joined(raw["content"]), raw.get("variables", [])
    if _is_numbered(content):
        content, variables = _named(content, variables, language=language, category=category)
    return Version(language, content, variables, raw.get("hash", ""), raw.get("origin", {}))


def _joined(value: Any, key: str = "") -> Any:
    """The reverse of `_in_lines`. What is no list of texts stays as it is, for the rules to refuse."""
    if isinstance(value, dict):
        return {key: _joined(each, key) for key, each in value.items()}
    if isinstance(value, list):
        is_text = key in _OF_LINES and value and all(isinstance(each, str) for each in value)
        return "\n".join(value) if is_text else [_joined(each) for each in value]
    return value


def _is_numbered(content: dict[str, Any]) -> bool:
    components = content["whatsapp"].get("components") if isinstance(content.get("whatsapp"), dict) else None
    is_list = isinstance(components, list) and all(isinstance(each, dict) for each in components)
    return is_list and _NUMBERED.search(json.dumps(components)) is not None


def _is_mixed(content: dict[str, Any]) -> bool:
    return _is_numbered(content) and bool({"link", "filename", "location", "coupon_code"} & set(_keys(content["whatsapp"])))


def _keys(value: Any) -> Iterator[str]:
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _keys(each)
    yield from value if isinstance(value, dict) else ()


def _named(content: dict[str, Any], variables: list[Any], *, language: str, category: str) -> tuple[dict[str, Any], list[Any]]:
    """Numbered parameters get names, as in `POST /v1/templates/from-meta`; what the file declares by that name counts."""
    request = {"name": "", "language": language, "category": category, "components": content["whatsapp"]["components"]}
    form = meta_form.read(request)
    declared = {each.get("name") for each in variables if isinstance(each, dict)}
    more = [each for each in form.variables if each["name"] not in declared]
    return {**content, "whatsapp": {**content["whatsapp"], "components": form.whatsapp["components"]}}, [*variables, *more]


def _strangers(file: File) -> Iterator[FieldError]:
    for place, each in enumerate(file.versions):
        if each.hash and file.digest(each).hex() != each.hash:
            message = "These are not the words that the hash was made of. If the change is meant, remove the hash; else export again."
            yield FieldError(f"versions[{place}].hash", "hash_differs", message)
