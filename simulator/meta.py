"""Meta's Graph API, as far as messages and subscriptions go (facebook/openapi, business messaging API v23.0)."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson
from aiohttp import web

from simulator import faults
from simulator.desk import Desk
from simulator.faults import Said, Trouble
from simulator.identity import Identity
from simulator.message import Message, Post
from simulator.subscriptions import Subscriptions
from simulator.templates import Templates

logger = logging.getLogger(__name__)

_NUMBER = re.compile(r"1\d{14}")
_BUSINESS = re.compile(r"2\d{14}")
_ONE_ID = "wamid.THESAMEIDFOREVERY"
_DISPLAY_NUMBER = "15550000001"
_HTTP = {190: 401, 130429: 429, 131000: 500}
_REFUSALS = {"PAUSED": 132015, "DISABLED": 132016}
_UNUSABLE = {
    132001: "Template name does not exist in the translation",
    132015: "Template is paused",
    132016: "Template is disabled",
}
_MISSING = "Unsupported post request. Object with that ID does not exist"
_CODES: dict[Trouble, int] = {
    faults.UNREACHABLE: 131026,
    faults.NO_SUCH_RECIPIENT: 131030,
    faults.OPTED_OUT: 131050,
    faults.TEMPLATE: 132000,
    faults.REVOKED: 190,
    faults.WINDOW: 131047,
    faults.FILTERED: 131049,
    faults.UNHEARD_OF: 999999,
    faults.THROTTLED: 130429,
    faults.BROKEN: 131000,
}


class Meta:
    """The door: checks as Meta checks, and answers in its words."""

    name = "meta"
    codes: Mapping[Trouble, int | str] = _CODES
    silent: frozenset[str] = frozenset()

    def __init__(self, identity: Identity, desk: Desk, subscriptions: Subscriptions, templates: Templates) -> None:
        self._authorization = f"Bearer {identity.access_token}"
        self._app_secret = identity.app_secret.encode()
        self._desk = desk
        self._subscriptions = subscriptions
        self._templates = templates

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/meta/{version}/{id}/messages", self.messages),
            web.post("/meta/{version}/{id}/subscribed_apps", self.subscribe),
            web.get("/meta/{version}/{id}/subscribed_apps", self.subscriptions),
        ]

    # Calls

    async def messages(self, request: web.Request) -> web.Response:
        number = request.match_info["id"]
        if not self._is_ours(request):
            return _unknown_token()
        if _NUMBER.fullmatch(number) is None:
            return _error(100, _MISSING, subcode=33)
        said = await _read(request)
        if problem := _problem(said):
            return _error(100, f"(#100) {problem}")
        if code := self._unusable(number, said):
            return _error(code, f"(#{code}) {_UNUSABLE[code]}")
        return await self._desk.serve(request, self, self._message(number, said))

    async def subscribe(self, request: web.Request) -> web.Response:
        business = request.match_info["id"]
        if not self._is_ours(request):
            return _unknown_token()
        if _BUSINESS.fullmatch(business) is None:
            return _error(100, _MISSING, subcode=33)
        said = await _read(request)
        url = str(said.get("override_callback_uri", ""))
        if not await _is_proven(url, token=str(said.get("verify_token", ""))):
            return _error(100, "Webhook callback URL is not reachable or invalid", http=422)
        self._subscriptions.put(business, url)
        return web.json_response({"success": True})

    async def subscriptions(self, request: web.Request) -> web.Response:
        if not self._is_ours(request):
            return _unknown_token()
        url = self._subscriptions.get(request.match_info["id"])
        app = {"id": "300000000000001", "name": "Simulated app", "link": "https://www.facebook.com/games/?app_id=300000000000001"}
        return web.json_response({"data": [{"whatsapp_business_api_data": app, "override_callback_uri": url}] if url else []})

    # Wire format

    def taken(self, message: Message) -> web.Response:
        contact = {"input": message.recipient, "wa_id": _digits(message.recipient)}
        said = {"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": message.id, "message_status": "accepted"}]}
        return web.Response(body=orjson.dumps(said), content_type="application/json")

    def refused(self, trouble: Trouble) -> web.Response:
        return _error(_CODES[trouble], f"(#{_CODES[trouble]}) {trouble.title}")

    def receipt(self, message: Message, said: Said, *, at: float, is_forged: bool) -> Post:
        body = orjson.dumps(_webhook(message, _status(message, said, at=at)))
        secret = b"forged" if is_forged else self._app_secret
        digest = hmac.digest(secret, body, hashlib.sha256).hex()
        headers = {"Content-Type": "application/json", "User-Agent": "facebookexternalua", "X-Hub-Signature-256": f"sha256={digest}"}
        return Post(message.callback, headers, body)

    def _unusable(self, number: str, said: Mapping[str, Any]) -> int:
        """The code for a template that may not be sent; 0 for one that may, and for one that nobody has made here."""
        asked = said["template"] if said.get("type") == "template" else {}
        language = asked.get("language")
        code = str(language.get("code", "")) if isinstance(language, dict) else ""
        found = self._templates.find("meta", f"2{number[1:]}", name=str(asked.get("name", "")), language=code)
        return _REFUSALS.get(found.status, 132001) if found and found.status != "APPROVED" else 0

    def _is_ours(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._authorization.encode())

    def _message(self, number: str, said: dict[str, Any]) -> Message:
        code = faults.chosen_by(_digits(said["to"]))
        return Message(
            id=_ONE_ID if faults.FAULTS[code].has_one_id else f"wamid.{secrets.token_urlsafe(24)}",
            at=time.time(),
            reference=str(said.get("biz_opaque_callback_data") or ""),
            recipient=said["to"],
            sender=number,
            channel="whatsapp",
            callback=self._subscriptions.get(f"2{number[1:]}"),
            fault_code=code,
        )


async def _read(request: web.Request) -> dict[str, Any]:
    """The body's object; an empty one for anything else."""
    try:
        said = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


async def _is_proven(url: str, *, token: str) -> bool:
    """Meta's GET handshake: who owns the URL answers the challenge."""
    challenge = str(secrets.randbelow(2_000_000_000))
    query = urlencode({"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": token})
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10), trust_env=False) as session,
            session.get(f"{url}{'&' if '?' in url else '?'}{query}", allow_redirects=False) as answer,
        ):
            return answer.status == 200 and (await answer.content.read(64)).decode(errors="replace").strip() == challenge
    except (aiohttp.ClientError, TimeoutError, ValueError):
        logger.warning("The handshake with a callback URL failed.")
        return False


def _problem(said: Mapping[str, Any]) -> str:
    """What Meta would not take; empty if nothing."""
    if said.get("messaging_product") != "whatsapp":
        return "The parameter messaging_product is required."
    if not isinstance(said.get("to"), str) or not _digits(said["to"]):
        return "The parameter to is required."
    kind = str(said.get("type", "text"))
    content = said.get(kind)
    if not isinstance(content, dict):
        return f"The parameter {kind} is required."
    needed = {"template": ("name", "language"), "text": ("body",)}.get(kind, ())
    return "".join(f"The parameter {kind}['{name}'] is required." for name in needed if not content.get(name))


def _unknown_token() -> web.Response:
    return _error(190, "Invalid OAuth access token - Cannot parse access token")


def _error(code: int, text: str, *, subcode: int | None = None, http: int | None = None) -> web.Response:
    error = {"message": text, "type": "OAuthException", "code": code, "fbtrace_id": secrets.token_urlsafe(16)}
    if subcode is not None:
        error["error_subcode"] = subcode
    if code > 100_000:
        error["error_data"] = {"messaging_product": "whatsapp", "details": text}
    return web.json_response({"error": error}, status=http or _HTTP.get(code, 400))


def _status(message: Message, said: Said, *, at: float) -> dict[str, Any]:
    status: dict[str, Any] = {
        "id": message.id,
        "status": said.word,
        "timestamp": "soon" if message.fault.is_timeless else str(int(at)),
        "recipient_id": _digits(message.recipient),
    }
    if message.reference and not message.fault.is_anonymous:
        status["biz_opaque_callback_data"] = message.reference
    if said.trouble is None:
        status["pricing"] = {"billable": True, "pricing_model": "PMP", "category": "utility"}
    else:
        title = said.trouble.title
        status["errors"] = [{"code": _CODES[said.trouble], "title": title, "message": title, "error_data": {"details": title}}]
    return status


def _webhook(message: Message, status: dict[str, Any]) -> dict[str, Any]:
    metadata = {"display_phone_number": _DISPLAY_NUMBER, "phone_number_id": message.sender}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "statuses": [status]}
    entry = {"id": f"2{message.sender[1:]}", "changes": [{"value": value, "field": "messages"}]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def _digits(number: str) -> str:
    return "".join(character for character in number if character in "0123456789")
