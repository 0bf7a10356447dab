"""Any provider whose API is an HTTP request: how it looks is configured, not coded (docs/providers/signed-http.md).

Plain like every adapter: what the account's configuration says is filled in, signed and read. Nothing of it is ever run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote

from routing.providers import signed_http_configuration, signed_http_words, wire
from routing.providers.base import (
    Answer,
    Call,
    ErrorClass,
    Fault,
    Forged,
    Handoff,
    Incoming,
    Outbound,
    ProviderAccount,
    Receipt,
    ReceiptStatus,
    Unreadable,
    Unsendable,
)
from routing.providers.dialect import Dialect
from routing.providers.signed_http_configuration import Configuration, Misconfigured, Receipts
from routing.providers.signed_http_proofs import Password, QueryKey, SharedSecret
from routing.providers.signed_http_reading import Path

_LARGEST_BODY = 1_048_576  # bytes; more is nobody's receipt
_MOST_FIELDS = 500
_WINDOW = timedelta(minutes=5)  # how far a signed time may lie from ours in any case
_CONTENT_TYPES = {"json": "application/json", "form": "application/x-www-form-urlencoded"}
_NEGATIVE = frozenset({ReceiptStatus.UNDELIVERABLE, ReceiptStatus.EXPIRED, ReceiptStatus.FAILED, ReceiptStatus.REJECTED})


class SignedHttp(Dialect):
    """An API as its account's configuration describes it."""

    name = "signed_http"
    channels = frozenset({"sms", "email"})
    credential_fields: tuple[str, ...] = ("secret", "signature_secret", "receipt_secret", "receipt_secret_previous")
    setting_fields: tuple[str, ...] = ("sender", "configuration")
    long_settings = frozenset({"configuration"})
    optional_fields = frozenset({"sender", "signature_secret", "receipt_secret_previous"})
    default_base_url = ""
    setting_choices: Mapping[str, Sequence[str]] = {}

    def judge(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        """A line for each problem of the configuration, beginning with its place."""
        try:
            signed_http_configuration.read(settings.get("configuration", ""))
        except Misconfigured as wrong:
            return {"configuration": "\n".join(wrong.problems)}
        return {}

    def longest_validity(self, settings: Mapping[str, str]) -> int | None:
        try:
            return signed_http_configuration.read(settings.get("configuration", "")).longest_validity
        except Misconfigured:
            return None

    def submit(self, account: ProviderAccount, outbound: Outbound) -> Call:
        said = _configuration(account)
        if outbound.channel not in said.channels:
            raise Unsendable(f"this account carries no {outbound.channel}", error_class=ErrorClass.TEMPLATE_FAULT)
        found = signed_http_words.values(account, outbound, longest_validity=said.longest_validity)
        request, body_format = said.request, "form" if said.request.form else "json"
        body = signed_http_words.fill_form(request.form, found) if request.form else signed_http_words.fill_json(request.json, found)
        path = _with_key(said, account, signed_http_words.fill_path(request.path, found))
        headers = {name: signed_http_words.fill_header(words, found) for name, words in request.headers.items()}
        headers |= {"content-type": _CONTENT_TYPES[body_format], **_proven(said, account)}
        headers |= _signed(said, account, outbound, path=path, body=body)
        return Call(method=request.method, url=f"{account.base_url.rstrip('/')}{path}", headers=headers, body=body)

    def read_answer(self, account: ProviderAccount, answer: Answer) -> Handoff:
        try:
            answers = signed_http_configuration.read(account.settings.get("configuration", "")).answers
        except Misconfigured:
            return Handoff()
        said = _read_or_none(answer.body, answers.format)
        code = wire.word(_at(said, answers.code)) if answers.code else ""
        if not any(answer.status in each for each in answers.taken):
            return wire.refusal(answer, code, answers.codes)
        # With 200 some say what went wrong: by a code that is in the table, for with any other nobody knows whether they took it.
        refused = wire.error_class(code, answers.codes)
        if refused is not ErrorClass.UNMAPPED:
            return Handoff(fault=Fault(refused, raw_code=code, retry_after=wire.retry_after(answer.headers)))
        return Handoff(reference=_id(_at(said, answers.id)))

    def authenticate(self, account: ProviderAccount, incoming: Incoming) -> None:
        """As the configuration says: an HMAC over the raw body, a secret in a header, or a password."""
        if incoming.method != "POST" or len(incoming.body) > _LARGEST_BODY:
            raise Forged
        secrets = wire.secrets(account, "receipt_secret", "receipt_secret_previous")
        if not _receipts(account, Forged).proof.covers(secrets, incoming.headers, incoming.body):
            raise Forged

    def signed_at(self, account: ProviderAccount, incoming: Incoming) -> datetime | None:
        try:
            return _receipts(account, Forged).proof.signed_at(incoming.headers)
        except Forged:
            return datetime.fromtimestamp(0, UTC)

    def repeats_for(self, account: ProviderAccount) -> timedelta:
        try:
            return timedelta(seconds=_receipts(account, Unreadable).tolerance) - _WINDOW
        except Unreadable:
            return timedelta(0)

    def read_receipts(self, account: ProviderAccount, incoming: Incoming) -> list[Receipt]:
        """One for each entry of the list, where the configuration names one; else one."""
        receipts = _receipts(account, Unreadable)
        said = _read(incoming.body, receipts.format)
        if receipts.list is None:
            if not isinstance(said, dict):
                raise Unreadable("no receipt")
            return [_receipt(said, receipts)]
        entries = _at(said, receipts.list)
        if not isinstance(entries, list):
            raise Unreadable("no list of receipts")
        return [_receipt(entry, receipts) for entry in entries]


# Handing off


def _configuration(account: ProviderAccount) -> Configuration:
    try:
        found = signed_http_configuration.read(account.settings.get("configuration", ""))
    except Misconfigured as wrong:
        raise Unsendable("the account's configuration can't be used", error_class=ErrorClass.ACCOUNT_FAULT) from wrong
    if not account.base_url:
        raise Unsendable("the account has no base URL", error_class=ErrorClass.ACCOUNT_FAULT)
    return found


def _with_key(said: Configuration, account: ProviderAccount, path: str) -> str:
    if not isinstance(said.authentication, QueryKey):
        return path
    return f"{path}{'&' if '?' in path else '?'}{quote(said.authentication.name)}={quote(_secret(account), safe='')}"


def _proven(said: Configuration, account: ProviderAccount) -> dict[str, str]:
    match said.authentication:
        case SharedSecret(header, prefix):
            return {header: _in_header(prefix + _secret(account))}
        case Password(user):
            return {"authorization": wire.basic(user, _secret(account))}
    return {}


def _signed(said: Configuration, account: ProviderAccount, outbound: Outbound, *, path: str, body: bytes) -> dict[str, str]:
    signature = said.signature
    if signature is None:
        return {}
    secret = next(wire.secrets(account, "signature_secret", "secret"), b"")
    timestamp = str(int(outbound.at.timestamp())) if outbound.at else ""
    if not secret or (signature.timestamp_header and not timestamp):
        raise Unsendable("there is nothing to sign with", error_class=ErrorClass.ACCOUNT_FAULT)
    texts = {"timestamp": timestamp, "method": said.request.method, "path": path, "reference": outbound.reference}
    value = signature.write(secret, {name: text.encode() for name, text in texts.items()} | {"body": body})
    return {signature.header: value} | ({signature.timestamp_header: timestamp} if signature.timestamp_header else {})


def _secret(account: ProviderAccount) -> str:
    secret = account.credentials.get("secret", "")
    if not secret:
        raise Unsendable("the account has no secret", error_class=ErrorClass.ACCOUNT_FAULT)
    return secret


def _in_header(value: str) -> str:
    if not signed_http_words.is_plain(value):
        raise Unsendable("a header can't hold the secret", error_class=ErrorClass.ACCOUNT_FAULT)
    return value


# Reading


def _receipts(account: ProviderAccount, otherwise: type[Exception]) -> Receipts:
    try:
        return signed_http_configuration.read(account.settings.get("configuration", "")).receipts
    except Misconfigured as wrong:
        raise otherwise("the account's configuration can't be used") from wrong


def _read(body: bytes, body_format: str) -> Any:
    """Raises Unreadable."""
    if body_format == "json":
        return wire.read_json(body)
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise Unreadable("not a form") from error


def _read_or_none(body: bytes, body_format: str) -> Any:
    try:
        return _read(body, body_format)
    except Unreadable:
        return None


def _at(said: Any, path: Path) -> Any:
    """What stands there; None where nothing does, and for an empty path into nothing."""
    for name in path:
        if isinstance(said, dict):
            said = said.get(name)
        elif isinstance(said, list) and name.isascii() and name.isdigit() and len(name) < 6 and int(name) < len(said):
            said = said[int(name)]
        else:
            return None
    return said


def _id(value: object) -> str:
    """Some number theirs."""
    return wire.reference(str(value) if isinstance(value, int) and not isinstance(value, bool) else value)


def _named(said: Any, path: Path) -> str:
    return _id(_at(said, path)) if path else ""


def _receipt(said: Any, receipts: Receipts) -> Receipt:
    raw = wire.word(_at(said, receipts.status))
    ours, theirs = _named(said, receipts.reference), _named(said, receipts.id)
    # The table is asked with the word as it came: a shortened one could be another.
    whole = wire.word(_at(said, receipts.status), longest=256)
    status = receipts.statuses.get(whole, ReceiptStatus.UNMAPPED) if ours or theirs else ReceiptStatus.UNMAPPED
    code = wire.word(_at(said, receipts.code)) if receipts.code else ""
    return Receipt(
        status,
        raw_status=raw,
        occurred_at=_moment(_at(said, receipts.time), receipts.time_format) if receipts.time else None,
        client_reference=ours,
        provider_reference=theirs,
        fault=Fault(wire.error_class(code, receipts.codes), raw_code=code or raw) if status in _NEGATIVE else None,
    )


def _moment(value: object, time_format: str) -> datetime | None:
    match time_format:
        case "iso":
            return wire.instant(value)
        case "unix_ms":
            text = wire.word(value)
            return wire.moment(text[:-3]) if len(text) == 13 and text.isascii() and text.isdigit() else None
    return wire.moment(value)
