"""Infobip's SMS (v3) and WhatsApp template APIs, and their delivery and seen reports (infobip.com/docs/api)."""

from __future__ import annotations

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

_NUMBER = re.compile(r"[1-9]\d{6,14}")
_GROUPS = {"PENDING": 1, "UNDELIVERABLE": 2, "DELIVERED": 3, "EXPIRED": 4, "REJECTED": 5}
_WORDS = {"sent": "DELIVERED_TO_OPERATOR", "delivered": "DELIVERED_TO_HANDSET", "failed": "UNDELIVERABLE_NOT_DELIVERED"}
_CODES: dict[Trouble, str] = {
    faults.UNREACHABLE: "EC_ABSENT_SUBSCRIBER",
    faults.NO_SUCH_RECIPIENT: "REJECTED_INVALID_DESTINATION",
    faults.OPTED_OUT: "REJECTED_DND",
    faults.TEMPLATE: "REJECTED_MESSAGE_TOO_LONG",
    faults.REVOKED: "UNAUTHORIZED",
    faults.WINDOW: "EC_CALL_BARRED",
    faults.FILTERED: "EC_DESTINATION_FLOODING",
    faults.UNHEARD_OF: "EC_OF_THE_FUTURE",
    faults.THROTTLED: "TOO_MANY_REQUESTS",
    faults.BROKEN: "REJECTED_SYSTEM_ERROR",
}


class Infobip:
    """The doors: check as Infobip checks, and answer in its words."""

    name = "infobip"
    codes: Mapping[Trouble, int | str] = _CODES
    silent: frozenset[str] = frozenset()

    def __init__(self, identity: Identity, desk: Desk) -> None:
        self._authorization = f"App {identity.infobip_key}".encode()
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/infobip/sms/3/messages", self.sms),
            web.post("/infobip/whatsapp/1/message/template", self.whatsapp),
        ]

    async def sms(self, request: web.Request) -> web.Response:
        said = await self._said(request)
        if isinstance(said, web.Response):
            return said
        to = next(iter(said.get("destinations") or []), None)
        if not isinstance(to, dict) or not (said.get("content") or {}).get("text") or not said.get("sender"):
            return _service_error("BAD_REQUEST", http=400)
        delivery = (said.get("webhooks") or {}).get("delivery") or {}
        return await self._serve(request, channel="sms", to=to, sender=said["sender"], callback=delivery.get("url", ""))

    async def whatsapp(self, request: web.Request) -> web.Response:
        said = await self._said(request)
        if isinstance(said, web.Response):
            return said
        if not (said.get("content") or {}).get("templateName") or not said.get("from"):
            return _service_error("BAD_REQUEST", http=400)
        return await self._serve(request, channel="whatsapp", to=said, sender=said["from"], callback=said.get("notifyUrl", ""))

    async def _said(self, request: web.Request) -> dict[str, Any] | web.Response:
        """The first message, or why there is none."""
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._authorization):
            return _service_error("UNAUTHORIZED", http=401)
        try:
            message = json.loads(await request.read())["messages"][0]
        except (ValueError, LookupError, TypeError):
            message = None
        return message if isinstance(message, dict) else _service_error("BAD_REQUEST", http=400)

    async def _serve(self, request: web.Request, *, channel: str, to: Mapping[str, Any], sender: str, callback: str) -> web.Response:
        number, reference = str(to.get("to")), to.get("messageId", "")
        message = Message(
            id=reference or str(uuid.uuid4()),
            at=time.time(),
            reference=reference,
            recipient=f"+{number}",
            sender=sender,
            channel=channel,
            callback=callback,
            fault_code=faults.chosen_by(f"+{number}", channel=channel),
        )
        if _NUMBER.fullmatch(number) is None:
            return _answer(message, "REJECTED_INVALID_DESTINATION")
        return await self._desk.serve(request, self, message)

    def taken(self, message: Message) -> web.Response:
        return _answer(message, "PENDING_ACCEPTED")

    def refused(self, trouble: Trouble) -> web.Response:
        """Whoever calls wrongly gets an HTTP error; a message that can't go is answered 200 and rejected."""
        if trouble.http == 400:
            return web.json_response({"messages": [{"messageId": uuid.uuid4().hex, "status": _status(_CODES[trouble])}]})
        return _service_error(_CODES[trouble], http=trouble.http)

    def receipt(self, message: Message, said: Said, *, at: float, is_forged: bool) -> Post:
        url = message.callback.replace("key=", "key=0") if is_forged else message.callback
        when = "soon" if message.fault.is_timeless else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%f}+0000"
        body = orjson.dumps({"results": [_result(message, said, when=when)]})
        return Post(url, {"Content-Type": "application/json", "User-Agent": "Infobip"}, body)


def _result(message: Message, said: Said, *, when: str) -> dict[str, Any]:
    told: dict[str, Any] = {"messageId": message.id, "from": message.sender, "to": message.recipient.removeprefix("+"), "sentAt": when}
    if said.word == "read":
        return told | {"seenAt": when}
    name = _CODES[said.trouble] if said.trouble is not None else "NO_ERROR"
    error = {"name": name if name.startswith("EC_") else "NO_ERROR", "permanent": False}
    # What is refused on the way has no error of the network: its status says why.
    status = name if said.trouble is not None and not name.startswith("EC_") else _WORDS.get(said.word, said.word)
    return told | {"doneAt": when, "messageCount": 1, "status": _status(status), "error": error}


def _status(name: str) -> dict[str, Any]:
    group = name.partition("_")[0]
    group = group if group in _GROUPS else "REJECTED" if name.isupper() else group
    return {"groupId": _GROUPS.get(group, 0), "groupName": group, "name": name, "description": name.replace("_", " ").capitalize()}


def _answer(message: Message, name: str) -> web.Response:
    said = {"messageId": message.id, "to": message.recipient, "destination": message.recipient, "status": _status(name)}
    return web.json_response({"bulkId": uuid.uuid4().hex, "messages": [said]})


def _service_error(code: str, *, http: int) -> web.Response:
    return web.json_response({"requestError": {"serviceException": {"messageId": code, "text": code.capitalize()}}}, status=http)
