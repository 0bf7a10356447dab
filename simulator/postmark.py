"""Postmark's e-mail API and its webhooks (postmarkapp.com/developer): the one voice for every e-mail service of the platform.

The fault is chosen by the end of the address's local part: `sara0020@example.com`.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from simulator import faults
from simulator.desk import Desk
from simulator.faults import Said, Trouble
from simulator.identity import Identity
from simulator.message import Message, Post
from simulator.subscriptions import Subscriptions

_ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")
_ONE_ID = "00000000-0000-4000-8000-00000000ca11"
_PLACE = "postmark"
_RECORDS = {"delivered": "Delivery", "read": "Open", "failed": "Bounce"}
_TIMES = {"Delivery": "DeliveredAt", "Open": "ReceivedAt", "Bounce": "BouncedAt"}
_CODES: dict[Trouble, int] = {
    faults.UNREACHABLE: 406,
    faults.NO_SUCH_RECIPIENT: 300,
    faults.OPTED_OUT: 406,
    faults.TEMPLATE: 300,
    faults.REVOKED: 10,
    faults.WINDOW: 406,
    faults.FILTERED: 406,
    faults.UNHEARD_OF: 9999,
    faults.THROTTLED: 429,
    faults.BROKEN: 100,
}
_BOUNCES: dict[Trouble, str] = {
    faults.UNREACHABLE: "HardBounce",
    faults.NO_SUCH_RECIPIENT: "BadEmailAddress",
    faults.OPTED_OUT: "ManuallyDeactivated",
    faults.TEMPLATE: "TemplateRenderingFailed",
    faults.REVOKED: "SMTPApiError",
    faults.WINDOW: "HardBounce",
    faults.FILTERED: "Blocked",
    faults.UNHEARD_OF: "Unknown",
    faults.THROTTLED: "Transient",
    faults.BROKEN: "SMTPApiError",
}


class Postmark:
    """The door: checks as Postmark checks, and answers in its words."""

    name = "postmark"
    codes: Mapping[Trouble, int | str] = _CODES
    silent = frozenset({"sent"})

    def __init__(self, identity: Identity, desk: Desk, subscriptions: Subscriptions) -> None:
        self._token = identity.server_token.encode()
        self._password = identity.mail_secret
        self._desk = desk
        self._subscriptions = subscriptions

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/postmark/email", self.email), web.post("/postmark/webhooks", self.webhooks)]

    async def email(self, request: web.Request) -> web.Response:
        if not self._is_ours(request):
            return _error(10, "No Account or Server API tokens were supplied in the HTTP headers.", http=401)
        said = await _read(request)
        address = _ADDRESS.search(str(said.get("To", "")))
        if address is None or not said.get("From"):
            return _error(300, "Invalid email request")
        if not (said.get("TextBody") or said.get("HtmlBody")):
            return _error(300, "Provide either email TextBody or HtmlBody or both.")
        return await self._desk.serve(request, self, self._message(said, address[0]))

    async def webhooks(self, request: web.Request) -> web.Response:
        if not self._is_ours(request):
            return _error(10, "No Account or Server API tokens were supplied in the HTTP headers.", http=401)
        said = await _read(request)
        if not str(said.get("Url", "")).startswith(("http://", "https://")):
            return _error(609, "Invalid webhook URL")
        self._subscriptions.put(_PLACE, said["Url"])
        return web.json_response({"ID": 1, "Url": said["Url"], "Triggers": said.get("Triggers", {})})

    def _is_ours(self, request: web.Request) -> bool:
        given = request.headers.get("X-Postmark-Server-Token", "").encode("utf-8", "surrogateescape")
        return hmac.compare_digest(given, self._token)

    def taken(self, message: Message) -> web.Response:
        said = {"To": message.recipient, "SubmittedAt": _time(message.at), "MessageID": message.id, "ErrorCode": 0, "Message": "OK"}
        return web.json_response(said)

    def refused(self, trouble: Trouble) -> web.Response:
        return _error(_CODES[trouble], trouble.title, http=422 if trouble.http == 400 else trouble.http)

    def receipt(self, message: Message, said: Said, *, at: float, is_forged: bool) -> Post:
        password = "forged" if is_forged else self._password
        authorization = "Basic " + base64.b64encode(f"qsura:{password}".encode()).decode()
        headers = {"Content-Type": "application/json", "User-Agent": "Postmark", "Authorization": authorization}
        return Post(message.callback, headers, orjson.dumps(_record(message, said, at=at)))

    def _message(self, said: Mapping[str, Any], address: str) -> Message:
        code = faults.chosen_by(address.partition("@")[0], channel="email")
        return Message(
            id=_ONE_ID if faults.FAULTS[code].has_one_id else str(uuid.uuid4()),
            at=time.time(),
            reference=str((said.get("Metadata") or {}).get("qsura", "")),
            recipient=address,
            sender=str(said["From"]),
            channel="email",
            callback=self._subscriptions.get(_PLACE),
            fault_code=code,
        )


def _record(message: Message, said: Said, *, at: float) -> dict[str, Any]:
    kind = _RECORDS.get(said.word, said.word)
    told: dict[str, Any] = {
        "RecordType": kind,
        "MessageID": message.id,
        "Recipient": message.recipient,
        "MessageStream": "outbound",
        "Metadata": {} if message.fault.is_anonymous else {"qsura": message.reference},
    }
    if not message.fault.is_timeless and kind in _TIMES:
        told[_TIMES[kind]] = _time(at)
    if said.trouble is not None:
        told |= {"Type": _BOUNCES[said.trouble], "Email": message.recipient, "Description": said.trouble.title}
    return told


async def _read(request: web.Request) -> dict[str, Any]:
    try:
        said = json.loads(await request.read())
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _error(code: int, text: str, *, http: int = 422) -> web.Response:
    return web.json_response({"ErrorCode": code, "Message": text}, status=http)


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
