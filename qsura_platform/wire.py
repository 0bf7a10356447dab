"""JSON in and out, by orjson: strict UTF-8, one object at the top, nothing that PostgreSQL can't hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO, Any

import orjson
from django.utils.functional import Promise
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from accounts.refusals import Refusal

DEEPEST = 32
SINGLE = 256 * 1024
BATCH = 2 * 1024 * 1024


class MalformedJson(Refusal):
    """The body is no JSON object, or holds what no text may hold."""

    status = 400
    code = "malformed_json"
    title = "The body is not a JSON object."


class BodyTooLarge(Refusal):
    """More bytes than this door takes."""

    status = 413
    code = "body_too_large"
    title = "The body is too large."

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body may have {limit} bytes at most; send less, or in several requests.")


class JSONParser(BaseParser):
    """One request: 256 kB at most."""

    media_type = "application/json"
    limit = SINGLE

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        raw = stream.read(self.limit + 1)
        if len(raw) > self.limit:
            raise BodyTooLarge(self.limit)
        return read(raw)


class BatchJSONParser(JSONParser):
    """Many items in one request: 2 MB at most."""

    limit = BATCH


class JSONRenderer(BaseRenderer):
    """UTF-8 without spaces."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None) -> bytes:
        return b"" if data is None else orjson.dumps(data, default=_plain, option=orjson.OPT_UTC_Z)


class OnlyJSON(DefaultContentNegotiation):
    """The API speaks JSON whatever the client would rather have: a refusal must not turn into another refusal."""

    def select_renderer(self, request: Request, renderers: Sequence[BaseRenderer], format_suffix: str | None = None) -> tuple[Any, str]:  # type: ignore[override]
        return renderers[0], renderers[0].media_type or ""


def read(raw: bytes) -> dict[str, Any]:
    """The object in the body; raises MalformedJson."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise MalformedJson(f"The body is not valid JSON in UTF-8: {error.msg} (line {error.lineno}, column {error.colno}).") from error
    if not isinstance(value, dict):
        raise MalformedJson("The body must be one JSON object: {...}.")
    _refuse_too_deep(value)
    # The escape alone is no proof: in `\\u0000` the backslash itself is escaped.
    if b"\\u0000" in raw and _has_nul(value):
        raise MalformedJson("The body holds the character U+0000, which no text may hold; remove it.")
    return value


def _refuse_too_deep(value: Any) -> None:
    level, depth = [value], 1
    while level:
        if depth > DEEPEST:
            raise MalformedJson(f"The body is nested deeper than {DEEPEST} levels.")
        level = [child for node in level for child in (node.values() if isinstance(node, dict) else node) if isinstance(child, dict | list)]
        depth += 1


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_has_nul(name) or _has_nul(inner) for name, inner in value.items())
    return isinstance(value, list) and any(_has_nul(inner) for inner in value)


def _plain(value: Any) -> str:
    if isinstance(value, Promise):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not for the wire")
