"""Vonage's Messages API and its signed status webhooks (developer.vonage.com/en/api/messages)."""

from __future__ import annotations

import base64
import hashlib
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

_ERRORS = "https://developer.vonage.com/api-errors"
_NUMBER = re.compile(r"[1-9]\d{6,14}")
_ONE_ID = "00000000-0000-4000-8000-000000000000"
_WORDS = {"sent": "submitted", "failed": "undeliverable"}
_LONGEST_TTL = 259_200
_CODES: dict[Trouble, int | str] = {
    faults.UNREACHABLE: 1180,
    faults.NO_SUCH_RECIPIENT: 1430,
    faults.OPTED_OUT: 1240,
    faults.TEMPLATE: 1022,
    faults.REVOKED: "unauthorized",
    faults.WINDOW: 1340,
    faults.FILTERED: 1210,
    faults.UNHEARD_OF: 1999,
    faults.THROTTLED: 1000,
    faults.BROKEN: 1030,
}


class Vonage:
    """The door: checks as Vonage checks, and answers in its words."""

    name = "vonage"
    codes: Mapping[Trouble, int | str] = _CODES
    silent: frozenset[str] = frozenset()

    def __init__(self, identity: Identity, desk: Desk) -> None:
        self._key = identity.api_key
        self._secret = identity.signature_secret.encode()
        self._authorization = b"Basic " + base64.b64encode(f"{identity.api_key}:{identity.api_secret}".encode())
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/vonage/v1/messages", self.messages)]

    async def messages(self, request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._authorization):
            return _error("unauthorized", "You did not provide correct credentials.", http=401)
        try:
            said = json.loads(await request.read())
        except ValueError:
            said = None
        if not isinstance(said, dict):
            return _error(1010, "Missing params")
        if problem := _problem(said):
            return _error(*problem)
        return await self._desk.serve(request, self, _message(said))

    def taken(self, message: Message) -> web.Response:
        return web.json_response({"message_uuid": message.id}, status=202)

    def refused(self, trouble: Trouble) -> web.Response:
        return _error(_CODES[trouble], trouble.title, http=422 if trouble.http == 400 else trouble.http)

    def receipt(self, message: Message, said: Said, *, at: float, is_forged: bool) -> Post:
        body = orjson.dumps(self._status(message, said, at=at))
        token = token_for(b"forged" if is_forged else self._secret, body, key=self._key)
        return Post(message.callback, {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}, body)

    def _status(self, message: Message, said: Said, *, at: float) -> dict[str, Any]:
        status: dict[str, Any] = {
            "message_uuid": message.id,
            "to": message.recipient.removeprefix("+"),
            "from": message.sender,
            "timestamp": "soon" if message.fault.is_timeless else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%f}Z",
            "status": _WORDS.get(said.word, said.word),
            "channel": message.channel,
        }
        if not message.fault.is_anonymous:
            status["client_ref"] = message.reference
        if said.trouble is not None:
            status["error"] = _problem_details(_CODES[said.trouble], said.trouble.title) | {"title": _CODES[said.trouble]}
        return status


def _message(said: Mapping[str, Any]) -> Message:
    recipient, channel = f"+{said['to']}", said["channel"]
    code = faults.chosen_by(recipient, channel=channel)
    return Message(
        id=_ONE_ID if faults.FAULTS[code].has_one_id else str(uuid.uuid4()),
        at=time.time(),
        reference=said.get("client_ref", ""),
        recipient=recipient,
        sender=said["from"],
        channel=channel,
        callback=said.get("webhook_url", ""),
        fault_code=code,
    )


def _problem(said: Mapping[str, Any]) -> tuple[int, str] | None:
    """What Vonage would not take."""
    ttl = said.get("ttl", 1)
    checks = [
        (any(not isinstance(said.get(name), str) for name in ("channel", "message_type", "to", "from")), 1010, "Missing params"),
        (said.get("channel") not in {"sms", "whatsapp"}, 1400, "Unsupported channel"),
        (_NUMBER.fullmatch(str(said.get("to"))) is None, 1430, "Invalid recipient"),
        (said.get("message_type") not in {"text", "custom"}, 1440, "Invalid message type"),
        (said.get("message_type") == "text" and not said.get("text"), 1010, "Missing params"),
        (said.get("message_type") == "custom" and not isinstance(said.get("custom"), dict), 1010, "Missing params"),
        (not isinstance(ttl, int) or not 1 <= ttl <= _LONGEST_TTL, 1130, "Invalid TTL"),
        (not isinstance(said.get("client_ref", ""), str) or len(said.get("client_ref", "")) > 100, 1450, "Invalid client reference"),
    ]
    return next(((code, text) for is_wrong, code, text in checks if is_wrong), None)


def _problem_details(code: int | str, text: str) -> dict[str, Any]:
    place = f"messages#{code}" if isinstance(code, int) else f"#{code}"
    return {"type": f"{_ERRORS}/{place}", "title": text, "detail": text, "instance": uuid.uuid4().hex}


def _error(code: int | str, text: str, *, http: int = 422) -> web.Response:
    return web.json_response(_problem_details(code, text), status=http, content_type="application/problem+json")


def token_for(secret: bytes, body: bytes, *, key: str) -> str:
    claims = {
        "iat": int(time.time()),
        "jti": str(uuid.uuid4()),
        "iss": "Vonage",
        "payload_hash": hashlib.sha256(body).hexdigest(),
        "api_key": key,
    }
    content = f"{_part(orjson.dumps({'typ': 'JWT', 'alg': 'HS256'}))}.{_part(orjson.dumps(claims))}"
    return f"{content}.{_part(hmac.digest(secret, content.encode(), hashlib.sha256))}"


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
