"""What staff say of a provider's API, read into plain values; everything that is wrong with it is told at once, each with its place.

docs/providers/signed-http.md describes every word. Nothing in it is code: gaps are names, paths are names and numbers between dots.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, cast

import orjson

from routing.providers import signed_http_words
from routing.providers.base import ErrorClass, ReceiptStatus
from routing.providers.signed_http_proofs import ALGORITHMS, Password, Proof, QueryKey, SharedSecret, Signature
from routing.providers.signed_http_reading import DEEPEST, Path, Reading, is_name

LONGEST = 16_384
"""Characters of a configuration."""
_LONGEST_VALIDITY = 604_800
_SHORTEST_TOLERANCE = 300
_RANGE = re.compile(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?", re.ASCII)
_PATH = re.compile(r"/[\x21\x24-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]*", re.ASCII)
_PROOFS = frozenset({"authorization", "proxy-authorization"})
_TIMES = frozenset({"iso", "unix", "unix_ms"})
_FORMATS = frozenset({"json", "form"})


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    json: Any
    """The body's template; None where it is a form."""
    form: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answers:
    """What an answer means."""

    taken: tuple[range, ...]
    format: str
    id: Path
    code: Path
    codes: Mapping[int | str, ErrorClass]


@dataclass(frozen=True, slots=True)
class Receipts:
    """How receipts look, and how they are proven."""

    format: str
    list: Path | None
    """Where several stand; empty: the body itself; None: it is one."""
    reference: Path
    id: Path
    status: Path
    statuses: Mapping[str, ReceiptStatus]
    code: Path
    codes: Mapping[int | str, ErrorClass]
    time: Path
    time_format: str
    proof: Proof
    tolerance: int


@dataclass(frozen=True, slots=True)
class Configuration:
    channels: frozenset[str]
    request: Request
    authentication: SharedSecret | Password | QueryKey | None
    signature: Signature | None
    answers: Answers
    receipts: Receipts
    longest_validity: int | None
    """Seconds; None where the provider can't be told."""


class Misconfigured(Exception):
    """What is wrong with it, each as `place: what to do`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@lru_cache(maxsize=64)
def read(text: str) -> Configuration:
    """The configuration that the JSON says; raises Misconfigured."""
    reading = _Whole()
    found = reading.whole(text)
    if reading.problems or found is None:
        raise Misconfigured(reading.problems)
    return found


class _Whole(Reading):
    """The parts of a configuration, each with its place."""

    def whole(self, text: str) -> Configuration | None:
        try:
            raw = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            self.wrong("configuration", f"Write one JSON object ({error}).")
            return None
        if not isinstance(raw, dict) or len(text) > LONGEST or not signed_http_words.nests_within(raw, DEEPEST):
            self.wrong("configuration", f"Write one JSON object of at most {LONGEST:,} characters that nests at most {DEEPEST} deep.")
            return None
        known = {"channels", "request", "authentication", "signature", "answer", "receipts", "longest_validity"}
        self.known(raw, known, where="configuration")
        authentication, signature = self._authentication(raw), self._request_signature(raw)
        if "authentication" not in raw and "signature" not in raw:
            self.wrong("authentication", "Say how the provider knows us: authentication, signature, or both.")
        longest = raw.get("longest_validity")
        if longest is not None and not (isinstance(longest, int) and not isinstance(longest, bool) and 1 <= longest <= _LONGEST_VALIDITY):
            self.wrong("longest_validity", f"Write seconds from 1 to {_LONGEST_VALIDITY:,}, or leave it out.")
        return Configuration(
            channels=self._channels(raw),
            request=self._request(self.object(raw, "request")),
            authentication=authentication,
            signature=signature,
            answers=self._answers(self.object(raw, "answer")),
            receipts=self._receipts(self.object(raw, "receipts")),
            longest_validity=longest,
        )

    # Its parts

    def _channels(self, raw: dict[str, Any]) -> frozenset[str]:
        said = raw.get("channels")
        if not isinstance(said, list) or not said or not all(each in ("sms", "email") for each in said):
            self.wrong("channels", 'Name what it carries: ["sms"], ["email"], or both.')
            return frozenset()
        return frozenset(said)

    def _request(self, raw: dict[str, Any]) -> Request:
        self.known(raw, {"method", "path", "headers", "json", "form"}, where="request")
        form = self.texts(raw, "form", where="request") if "form" in raw else {}
        if ("json" in raw) == ("form" in raw):
            self.wrong("request", "Give the body as json or as form: one of them.")
        templates = list(signed_http_words.leaves(raw.get("json"), "request.json")) + [(f"request.form.{k}", v) for k, v in form.items()]
        path, headers = self._path(raw), self._headers(raw)
        for where, words in templates:
            self.gaps(words, signed_http_words.GAPS, where=where)
        used = {gap for _, words in templates for gap in signed_http_words.gaps(words)} | set(signed_http_words.gaps(path))
        for needed, others in (("recipient", {"recipient", "recipient_digits"}), ("text", {"text", "html"}), ("reference", {"reference"})):
            if not used & others:
                self.wrong("request", f"Put {{{needed}}} somewhere into its body or path; no message goes without it.")
        return Request(
            method=self.one_of(raw, "method", {"POST", "PUT"}, where="request", default="POST"),
            path=path,
            headers=headers,
            json=raw.get("json"),
            form=form,
        )

    def _path(self, raw: dict[str, Any]) -> str:
        path = raw.get("path")
        bare = signed_http_words.without_gaps(path) if isinstance(path, str) else ""
        if not isinstance(path, str) or not _PATH.fullmatch(bare) or ".." in bare or "//" in bare.partition("?")[0]:
            self.wrong("request.path", "Begin with / and go on from the base URL in plain characters: /v1/messages. Percent-encode others.")
            return ""
        before, _, query = path.partition("?")
        self.gaps(before, signed_http_words.IN_PATHS, where="request.path")
        self.gaps(query, signed_http_words.GAPS, where="request.path")
        return path

    def _headers(self, raw: dict[str, Any]) -> dict[str, str]:
        headers = {name.lower(): words for name, words in self.texts(raw, "headers", where="request").items()}
        for name, words in headers.items():
            where = f"request.headers.{name}"
            if name in _PROOFS:
                self.wrong(where, "Use authentication for it: settings are no place for secrets.")
            elif not is_name(name):
                self.wrong(where, "Leave it out: it is written by us, or is no name of a header.")
            if not signed_http_words.is_plain(words):
                self.wrong(where, "Write printable ASCII only.")
            self.gaps(words, signed_http_words.IN_HEADERS, where=where)
        return headers

    def _authentication(self, raw: dict[str, Any]) -> SharedSecret | Password | QueryKey | None:
        if "authentication" not in raw:
            return None
        said, where = self.object(raw, "authentication"), "authentication"
        match self.one_of(said, "type", {"bearer", "basic", "header", "query"}, where=where):
            case "bearer":
                self.known(said, {"type"}, where=where)
                return SharedSecret("authorization", "Bearer ")
            case "basic":
                return Password(self.user(said, where=where))
            case "header":
                return self._shared(said, where=where)
            case "query":
                self.known(said, {"type", "name"}, where=where)
                return QueryKey(self.name(said, "name", where=where))
        return None

    def _request_signature(self, raw: dict[str, Any]) -> Signature | None:
        if "signature" not in raw:
            return None
        parts = {"body", "timestamp", "method", "path", "reference"}
        return self._signature(self.object(raw, "signature"), parts, where="signature", more=set())

    def _answers(self, raw: dict[str, Any]) -> Answers:
        self.known(raw, {"taken", "format", "id", "code", "codes"}, where="answer")
        return Answers(
            taken=self._ranges(raw),
            format=self.one_of(raw, "format", _FORMATS, where="answer", default="json"),
            id=self.place(raw, "id", where="answer", is_needed=True),
            code=self.place(raw, "code", where="answer"),
            codes=self._classes(raw, where="answer"),
        )

    def _receipts(self, raw: dict[str, Any]) -> Receipts:
        names = {"format", "list", "reference", "id", "status", "statuses", "code", "codes", "time", "time_format", "proof"}
        self.known(raw, names, where="receipts")
        if "reference" not in raw and "id" not in raw:
            self.wrong("receipts.reference", "Say where our reference stands, or their id (receipts.id): else a receipt finds no message.")
        proof, tolerance = self._proof(raw)
        return Receipts(
            format=self.one_of(raw, "format", _FORMATS, where="receipts", default="json"),
            list=self._list(raw),
            reference=self.place(raw, "reference", where="receipts"),
            id=self.place(raw, "id", where="receipts"),
            status=self.place(raw, "status", where="receipts", is_needed=True),
            statuses=self._statuses(raw),
            code=self.place(raw, "code", where="receipts"),
            codes=self._classes(raw, where="receipts"),
            time=self.place(raw, "time", where="receipts"),
            time_format=self.one_of(raw, "time_format", _TIMES, where="receipts", default="iso"),
            proof=proof,
            tolerance=tolerance,
        )

    def _proof(self, raw: dict[str, Any]) -> tuple[Proof, int]:
        said, where = self.object(raw, "proof", where="receipts."), "receipts.proof"
        match self.one_of(said, "type", {"hmac", "header", "basic"}, where=where):
            case "hmac":
                tolerance = said.get("tolerance", _SHORTEST_TOLERANCE)
                if not isinstance(tolerance, int) or not _SHORTEST_TOLERANCE <= tolerance <= _LONGEST_VALIDITY:
                    self.wrong(f"{where}.tolerance", f"Write seconds from {_SHORTEST_TOLERANCE} to {_LONGEST_VALIDITY:,}.")
                    tolerance = _SHORTEST_TOLERANCE
                return self._signature(said, {"body", "timestamp"}, where=where, more={"type", "tolerance"}), tolerance
            case "basic":
                return Password(self.user(said, where=where)), _SHORTEST_TOLERANCE
        return self._shared(said, where=where), _SHORTEST_TOLERANCE

    def _signature(self, said: dict[str, Any], parts: set[str], *, where: str, more: set[str]) -> Signature:
        self.known(said, {"algorithm", "over", "header", "encoding", "prefix", "timestamp_header"} | more, where=where)
        over = said.get("over", "{body}")
        if not isinstance(over, str) or "{body}" not in over or len(over) > 200:
            self.wrong(f"{where}.over", "Say what is signed, the body with it: {body}, or {timestamp}.{body}.")
            over = "{body}"
        self.gaps(over, parts, where=f"{where}.over")
        has_time = "timestamp" in signed_http_words.gaps(over)
        if has_time != ("timestamp_header" in said):
            self.wrong(f"{where}.timestamp_header", "Name the header of the time if {timestamp} is signed, and only then.")
        return Signature(
            algorithm=self.one_of(said, "algorithm", set(ALGORITHMS), where=where, default="sha256"),
            over=over,
            header=self.name(said, "header", where=where).lower(),
            encoding=cast("Literal['hex', 'base64']", self.one_of(said, "encoding", {"hex", "base64"}, where=where, default="hex")),
            prefix=self.prefix(said, where=where),
            timestamp_header=self.name(said, "timestamp_header", where=where).lower() if "timestamp_header" in said else "",
        )

    def _shared(self, said: dict[str, Any], *, where: str) -> SharedSecret:
        self.known(said, {"type", "name", "prefix"}, where=where)
        return SharedSecret(self.name(said, "name", where=where).lower(), self.prefix(said, where=where))

    def _list(self, raw: dict[str, Any]) -> Path | None:
        if "list" not in raw:
            return None
        if raw.get("format") == "form":
            self.wrong("receipts.list", "Leave it out: a form holds one receipt.")
        return () if raw["list"] == "" else self.place(raw, "list", where="receipts")

    def _ranges(self, raw: dict[str, Any]) -> tuple[range, ...]:
        said = raw.get("taken", ["200-299"])
        found = [_RANGE.fullmatch(each) if isinstance(each, str) else None for each in said] if isinstance(said, list) else []
        if not found or not all(found):
            self.wrong("answer.taken", 'Write HTTP statuses and ranges: ["200-299"] or ["200", "202"].')
        return tuple(range(int(each[1]), int(each[2] or each[1]) + 1) for each in found if each)

    def _classes(self, raw: dict[str, Any], *, where: str) -> dict[int | str, ErrorClass]:
        words: dict[str, ErrorClass] = {str(each): each for each in ErrorClass if each is not ErrorClass.UNMAPPED}
        found = self.table(raw, "codes", words, where=where)
        # As wire.error_class looks codes up: digits are numbers.
        return {int(code) if code.isascii() and code.isdigit() and len(code) < 10 else code: each for code, each in found.items()}

    def _statuses(self, raw: dict[str, Any]) -> dict[str, ReceiptStatus]:
        words: dict[str, ReceiptStatus] = {str(each): each for each in ReceiptStatus if each is not ReceiptStatus.UNMAPPED}
        found = self.table(raw, "statuses", words, where="receipts")
        if not found:
            self.wrong("receipts.statuses", 'Say what each word of theirs means: {"DELIVRD": "delivered"}.')
        return found
