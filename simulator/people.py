"""People who answer: `POST /people/{number}` lets the person behind a number write, tap or react, by the provider that wrote last."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson
from aiohttp import web

from simulator import twilio, vonage
from simulator.desk import Desk
from simulator.identity import Identity
from simulator.message import Message, Post

TIMEOUT = aiohttp.ClientTimeout(total=10)
_FIELDS = {"channel", "text", "button", "payload", "reaction", "with_context", "unsubscribe"}


class People:
    """For tests, and for whoever wants to see a reply."""

    def __init__(self, identity: Identity, desk: Desk) -> None:
        self._identity = identity
        self._desk = desk
        self._dialects: Mapping[str, Callable[[Message, Mapping[str, Any]], Post]] = {
            "meta": self._meta,
            "twilio": self._twilio,
            "vonage": self._vonage,
            "infobip": self._infobip,
        }

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/people/{number}", self.write)]

    async def write(self, request: web.Request) -> web.Response:
        """`{"text": "STOP"}`, `{"button": "Yes", "payload": "yes-1"}` or `{"reaction": "👍"}`; `channel` is whatsapp unless it says sms,
        and `with_context` false leaves out which message is answered. `{"unsubscribe": true, "channel": "email"}` presses the mail
        program's button."""
        try:
            said = orjson.loads(await request.read())
        except orjson.JSONDecodeError:
            said = None
        if not isinstance(said, dict) or not said or set(said) - _FIELDS:
            return web.json_response({"error": f"say some of {', '.join(sorted(_FIELDS))}"}, status=422)
        channel = str(said.get("channel", "whatsapp"))
        door, message = self._desk.last.get((request.match_info["number"].lstrip("+"), channel), ("", None))
        if message is not None and message.unsubscribes and said.get("unsubscribe"):
            return await _post(door, _one_click(message))
        if message is None or door not in self._dialects or not message.callback:
            return web.json_response({"error": "nobody has written to this number on that channel"}, status=404)
        return await _post(door, self._dialects[door](message, said))

    def _meta(self, message: Message, said: Mapping[str, Any]) -> Post:
        sender = message.recipient.lstrip("+")
        told: dict[str, Any] = {"from": sender, "id": f"wamid.{secrets.token_urlsafe(24)}", "timestamp": str(int(time.time()))}
        if "reaction" in said:
            told |= {"type": "reaction", "reaction": {"message_id": message.id, "emoji": said["reaction"]}}
        elif "button" in said:
            told |= {"type": "button", "button": {"text": said["button"], "payload": said.get("payload", said["button"])}}
        else:
            told |= {"type": "text", "text": {"body": said.get("text", "")}}
        if said.get("with_context", True) and "reaction" not in said:
            told["context"] = {"from": message.sender, "id": message.id}
        contact = {"profile": {"name": "Somebody"}, "wa_id": sender, "user_id": f"US.{int(sender) * 7}"}
        metadata = {"display_phone_number": "15550000001", "phone_number_id": message.sender}
        value = {"messaging_product": "whatsapp", "metadata": metadata, "contacts": [contact], "messages": [told]}
        entry = {"id": f"2{message.sender[1:]}", "changes": [{"value": value, "field": "messages"}]}
        body = orjson.dumps({"object": "whatsapp_business_account", "entry": [entry]})
        digest = hmac.digest(self._identity.app_secret.encode(), body, hashlib.sha256).hex()
        return Post(message.callback, {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={digest}"}, body)

    def _twilio(self, message: Message, said: Mapping[str, Any]) -> Post:
        prefix = "whatsapp:" if message.channel == "whatsapp" else ""
        form = {
            "AccountSid": self._identity.account_sid,
            "From": f"{prefix}{message.recipient}",
            "To": message.sender,
            "MessageSid": f"SM{uuid.uuid4().hex}",
            "SmsStatus": "received",
            "NumMedia": "0",
            "Body": str(said.get("text") or said.get("button") or said.get("reaction") or ""),
        }
        if "button" in said:
            form |= {"ButtonText": str(said["button"]), "ButtonPayload": str(said.get("payload", said["button"]))}
        if prefix and said.get("with_context", True):
            form["OriginalRepliedMessageSid"] = message.id
        url = message.callback.partition("?")[0]
        signature = twilio.sign(self._identity.auth_token.encode(), url, form)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
        return Post(url, headers, urlencode(form).encode())

    def _vonage(self, message: Message, said: Mapping[str, Any]) -> Post:
        told: dict[str, Any] = {
            "message_uuid": str(uuid.uuid4()),
            "channel": message.channel,
            "from": message.recipient.lstrip("+"),
            "to": message.sender,
            "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        }
        if "button" in said:
            told |= {"message_type": "button", "button": {"text": said["button"], "payload": said.get("payload", said["button"])}}
        elif "reaction" in said:
            told |= {"message_type": "reaction", "reaction": {"action": "react", "emoji": said["reaction"]}}
        else:
            told |= {"message_type": "text", "text": said.get("text", "")}
        if message.channel == "whatsapp" and said.get("with_context", True):
            told["context"] = {"message_uuid": message.id, "message_from": message.sender}
        body = orjson.dumps(told)
        token = vonage.token_for(self._identity.signature_secret.encode(), body, key=self._identity.api_key)
        return Post(message.callback, {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}, body)

    def _infobip(self, message: Message, said: Mapping[str, Any]) -> Post:
        told: dict[str, Any] = {
            "messageId": str(uuid.uuid4()),
            "from": message.recipient.lstrip("+"),
            "to": message.sender,
            "receivedAt": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000+0000}",
        }
        if message.channel == "sms":
            told["text"] = said.get("text", "")
        else:
            kind = "BUTTON" if "button" in said else "REACTION" if "reaction" in said else "TEXT"
            words = {"text": said.get("button") or said.get("text", ""), "payload": said.get("payload"), "emoji": said.get("reaction")}
            told["message"] = {"type": kind, **{name: word for name, word in words.items() if word}, "context": {"id": message.id}}
        password = base64.b64encode(f"qsura:{self._identity.callback_secret}".encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {password}"}
        return Post(message.callback.partition("?")[0], headers, orjson.dumps({"results": [told]}))


async def _post(door: str, post: Post) -> web.Response:
    async with (
        aiohttp.ClientSession(timeout=TIMEOUT, trust_env=False) as session,
        session.post(post.url, headers=post.headers, data=post.body, allow_redirects=False) as answer,
    ):
        return web.json_response({"provider": door, "answered": answer.status})


def _one_click(message: Message) -> Post:
    """What a mail program posts when its reader has had enough (RFC 8058)."""
    return Post(message.unsubscribes, {"Content-Type": "application/x-www-form-urlencoded"}, b"List-Unsubscribe=One-Click")
