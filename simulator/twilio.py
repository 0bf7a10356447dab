"""Twilio's Messages API and its status callbacks (twilio/twilio-oai, 2010-04-01 Messages; twilio.com/docs/usage/security)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qs, parse_qsl, urlencode

import orjson
from aiohttp import web

from simulator import faults
from simulator.desk import Desk
from simulator.faults import Said, Trouble
from simulator.identity import Identity
from simulator.message import Message, Post
from simulator.templates import Templates

_API_VERSION = "2010-04-01"
_NUMBER = re.compile(r"(whatsapp:)?\+\d{6,15}")
_ONE_ID = "SM" + "0" * 32
_REFUSALS = {
    "rejected": (63040, "Channel template rejected"),
    "paused": (63041, "Channel template paused"),
    "disabled": (63040, "Channel template disabled"),
}
_WORDS = {"failed": "undelivered"}
_CODES: dict[Trouble, int] = {
    faults.UNREACHABLE: 30003,
    faults.NO_SUCH_RECIPIENT: 21211,
    faults.OPTED_OUT: 21610,
    faults.TEMPLATE: 21656,
    faults.REVOKED: 20003,
    faults.WINDOW: 63016,
    faults.FILTERED: 30007,
    faults.UNHEARD_OF: 99999,
    faults.THROTTLED: 20429,
    faults.BROKEN: 20500,
}


class Twilio:
    """The door: checks as Twilio checks, and answers in its words."""

    name = "twilio"
    codes: Mapping[Trouble, int | str] = _CODES
    silent: frozenset[str] = frozenset()

    def __init__(self, identity: Identity, desk: Desk, templates: Templates) -> None:
        self._sid = identity.account_sid
        self._token = identity.auth_token.encode()
        pair = f"{identity.account_sid}:{identity.auth_token}".encode()
        self._authorization = b"Basic " + base64.b64encode(pair)
        self._desk = desk
        self._templates = templates

    def routes(self) -> list[web.RouteDef]:
        return [web.post(f"/twilio/{_API_VERSION}/Accounts/{{sid}}/Messages.json", self.messages)]

    async def messages(self, request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._authorization):
            return _error(20003, "Authenticate", http=401)
        if request.match_info["sid"] != self._sid:
            return _error(20404, "The requested resource was not found", http=404)
        form = dict(parse_qsl((await request.read()).decode(errors="replace"), keep_blank_values=True))
        if problem := _problem(form):
            return _error(*problem)
        if problem := self._unusable(form):
            return _error(*problem)
        return await self._desk.serve(request, self, self._message(form))

    def _unusable(self, form: Mapping[str, str]) -> tuple[int, str] | None:
        """Why a content may not be sent; None for one that may, and for one that nobody has made here."""
        found = self._templates.get(form.get("ContentSid", ""))
        return _REFUSALS.get(self._templates.by_time(found, pace=self._desk.pace)) if found else None

    def taken(self, message: Message) -> web.Response:
        prefix = "whatsapp:" if message.channel == "whatsapp" else ""
        now = format_datetime(datetime.now(UTC))
        uri = f"/{_API_VERSION}/Accounts/{self._sid}/Messages/{message.id}"
        said = {
            "account_sid": self._sid,
            "api_version": _API_VERSION,
            "body": "",
            "date_created": now,
            "date_sent": None,
            "date_updated": now,
            "direction": "outbound-api",
            "error_code": None,
            "error_message": None,
            "from": message.sender or None,
            "messaging_service_sid": None,
            "num_media": "0",
            "num_segments": "1",
            "price": None,
            "price_unit": "USD",
            "sid": message.id,
            "status": "queued",
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": f"{prefix}{message.recipient}",
            "uri": f"{uri}.json",
        }
        return web.Response(body=orjson.dumps(said), status=201, content_type="application/json")

    def refused(self, trouble: Trouble) -> web.Response:
        return _error(_CODES[trouble], trouble.title, http=trouble.http)

    def receipt(self, message: Message, said: Said, *, at: float, is_forged: bool) -> Post:
        form = self._form(message, said, at=at)
        url = message.callback.partition("?")[0] if message.fault.is_anonymous else message.callback
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "User-Agent": "TwilioProxy/1.1",
            "X-Twilio-Signature": sign(b"forged" if is_forged else self._token, url, form),
            "I-Twilio-Idempotency-Token": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{message.id}/{said.word}/{said.after}")),
        }
        return Post(url, headers, urlencode(form).encode())

    def _form(self, message: Message, said: Said, *, at: float) -> dict[str, str]:
        word = _WORDS.get(said.word, said.word)
        prefix = "whatsapp:" if message.channel == "whatsapp" else ""
        form = {
            "AccountSid": self._sid,
            "ApiVersion": _API_VERSION,
            "From": message.sender,
            "MessageSid": message.id,
            "MessageStatus": word,
            "SmsSid": message.id,
            "SmsStatus": word,
            "To": f"{prefix}{message.recipient}",
        }
        if prefix:
            form["ChannelPrefix"] = "whatsapp"
        if said.trouble is not None:
            form["ErrorCode"] = str(_CODES[said.trouble])
        if word == "delivered" and not prefix:
            form["RawDlrDoneDate"] = "soon" if message.fault.is_timeless else f"{datetime.fromtimestamp(at, UTC):%y%m%d%H%M}"
        return form

    def _message(self, form: Mapping[str, str]) -> Message:
        recipient = form["To"].removeprefix("whatsapp:")
        channel = "whatsapp" if form["To"].startswith("whatsapp:") else "sms"
        code = faults.chosen_by(recipient, channel=channel)
        callback = form.get("StatusCallback", "")
        return Message(
            id=_ONE_ID if faults.FAULTS[code].has_one_id else f"SM{uuid.uuid4().hex}",
            at=time.time(),
            reference=parse_qs(callback.partition("?")[2]).get("reference", [""])[0],
            recipient=recipient,
            sender=form.get("From", ""),
            channel=channel,
            callback=callback,
            fault_code=code,
        )


def _problem(form: Mapping[str, str]) -> tuple[int, str] | None:
    """What Twilio would not take."""
    validity = form.get("ValidityPeriod", "1")
    checks = [
        (not form.get("To"), 21604, "A 'To' phone number is required."),
        (_NUMBER.fullmatch(form.get("To", "")) is None, 21211, "Invalid 'To' Phone Number"),
        (not (form.get("From") or form.get("MessagingServiceSid")), 21603, "A 'From' or 'MessagingServiceSid' parameter is required."),
        (not (form.get("Body") or form.get("ContentSid")), 21602, "Message body is required."),
        (len(form.get("Body", "")) > 1600, 21617, "The concatenated message body exceeds the 1600 character limit."),
        (not form.get("StatusCallback", "http://").startswith(("http://", "https://")), 21609, "Invalid 'StatusCallback'"),
        (not (validity.isascii() and validity.isdigit() and 1 <= int(validity[:9]) <= 36_000), 21624, "Invalid validity period value"),
    ]
    return next(((code, text) for is_wrong, code, text in checks if is_wrong), None)


def _error(code: int, text: str, http: int = 400) -> web.Response:
    said = {"code": code, "message": text, "more_info": f"https://www.twilio.com/docs/errors/{code}", "status": http}
    return web.json_response(said, status=http)


def sign(token: bytes, url: str, form: Mapping[str, str]) -> str:
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(token, text.encode(), hashlib.sha1)).decode()
