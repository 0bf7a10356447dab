"""The list of variables that a version declares: `{name, type, sample, max_length, pattern}`, checked while it is written."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from accounts.refusals import FieldError
from templates_app import letters, patterns, placeholders, variables
from templates_app.choices import VariableType
from templates_app.variables import Unfit, Variable

MOST = 50
_KEYS = {"name", "type", "sample", "max_length", "pattern", "description"}
_MAX_DESCRIPTION = 300


def load(declared: list[dict[str, Any]]) -> dict[str, Variable]:
    """The variables of a stored version, by name."""
    return {each["name"]: variables.load(each) for each in declared}


def check(raw: Any) -> list[FieldError]:
    """What is wrong with the list; empty where it can be stored."""
    if not isinstance(raw, list):
        return [FieldError("variables", "invalid_type", "Give a list of {name, type, sample}.")]
    if len(raw) > MOST:
        return [FieldError("variables", "too_many", f"There are {len(raw)} variables; {MOST} are allowed.")]
    errors = [error for place, each in enumerate(raw) for error in _check_one(each, at=f"variables[{place}]")]
    return errors or list(_repeated(raw))


def _repeated(raw: list[dict[str, Any]]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for place, each in enumerate(raw):
        if each["name"] in seen:
            yield FieldError(f"variables[{place}].name", "repeated", "The name is declared twice. Declare each variable once.")
        seen.add(each["name"])


def _check_one(raw: Any, *, at: str) -> Iterator[FieldError]:
    if not isinstance(raw, dict):
        yield FieldError(at, "invalid_type", "Give an object: {name, type, sample}.")
        return
    for key in raw.keys() - _KEYS:
        yield FieldError(f"{at}.{key[:64]}", "unknown_field", f"Remove it; a variable has {', '.join(sorted(_KEYS))}.")
    wrong = list(
        itertools.chain(_check_name(raw, at=at), _check_type(raw, at=at), _check_length(raw, at=at), _check_description(raw, at=at))
    )
    yield from wrong
    if not wrong:
        yield from _check_pattern(raw, at=at) or _check_sample(raw, at=at)


def _check_name(raw: Mapping[str, Any], *, at: str) -> Iterator[FieldError]:
    name = raw.get("name")
    if not isinstance(name, str) or not placeholders.NAME.fullmatch(name):
        message = "Use lower-case letters, digits and underscores, a letter first, at most 64: order_id."
        yield FieldError(f"{at}.name", "invalid_name", message)


def _check_type(raw: Mapping[str, Any], *, at: str) -> Iterator[FieldError]:
    if raw.get("type") not in VariableType.values:
        yield FieldError(f"{at}.type", "unknown_type", f"Use one of {', '.join(VariableType.values)}.")


def _check_length(raw: Mapping[str, Any], *, at: str) -> Iterator[FieldError]:
    length = raw.get("max_length")
    if length is None:
        return
    if not isinstance(length, int) or isinstance(length, bool) or not 1 <= length <= variables.MAX_LENGTH:
        yield FieldError(f"{at}.max_length", "out_of_range", f"Give a whole number of characters from 1 to {variables.MAX_LENGTH}.")


def _check_description(raw: Mapping[str, Any], *, at: str) -> Iterator[FieldError]:
    text = raw.get("description", "")
    if not isinstance(text, str) or len(text) > _MAX_DESCRIPTION or letters.is_unprintable(text):
        yield FieldError(f"{at}.description", "invalid", f"Give a text of at most {_MAX_DESCRIPTION} characters.")


def _check_pattern(raw: Mapping[str, Any], *, at: str) -> list[FieldError]:
    pattern = raw.get("pattern")
    if pattern is None or pattern == "":
        return []
    if not isinstance(pattern, str) or letters.is_unprintable(pattern):
        return [FieldError(f"{at}.pattern", "invalid_type", "Give the pattern as text.")]
    try:
        patterns.check(pattern, max_length=raw.get("max_length") or variables.DEFAULT_LENGTHS[raw["type"]])
    except patterns.Unsafe as error:
        return [FieldError(f"{at}.pattern", "unsafe_pattern", str(error))]
    return []


def _check_sample(raw: Mapping[str, Any], *, at: str) -> list[FieldError]:
    sample = raw.get("sample")
    if not isinstance(sample, str):
        return [FieldError(f"{at}.sample", "required", "Give a sample, as text: reviewers and WhatsApp both ask for it.")]
    try:
        variables.load(raw).read(sample)
    except Unfit as error:
        return [FieldError(f"{at}.sample", error.code, error.message)]
    return []
