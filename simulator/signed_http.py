"""A plain JSON API for the configured provider: nobody's in particular, with a bearer's token in and signed receipts out.

What the platform's stand-in says of it (`routing/stand_ins.py`) is what staff would write of a real one (docs/providers/signed-http.md).
"""

from __future__ import annotations

import hashlib
import hmac
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

_ONE_ID = "00000000-0000-4000-8000-00000000face"
_CODES: dict[Trouble, int | str] = {
    faults.UNREACHABLE: "unreachable",
    faults.NO_SUCH_RECIPIENT: "no_such_recipient",
    faults.OPTED_OUT: "opted_out",
    faults.TEMPLATE: "bad_content",
    faults.REVOKED: "revoked",
    faults.WINDOW: "outside_window",
    faults.FILTERED: "filtered",
    faults.UNHEARD_OF: "code_of_the_future",
    faults.THROTTLED: "slow_down",
    faults.BROKEN: "broken",
}


class SignedHttp:
    """The door."""

    name = "signed_http"
    codes: Mapping[Trouble, int | str] = _CODES
    silent: frozenset[str] = frozenset()

    def __init__(self, identity: Identity, desk: Desk) -> None:
        self._authorization = f"Bearer {identity.http_secret}".encode()
        self._secret = identity.http_receipt_secret.encode()
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/signed_http/messages", self.messages)]

    async def messages(self, request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._authorization):
            return _error("revoked", http=401)
        try:
            said = orjson.loads(await request.read())
        except orjson.JSONDecodeError:
            said = None
        needed = ("to", "text", "reference", "report_to")
        if not isinstance(said, dict) or not all(isinstance(said.get(name), str) and said[name] for name in needed):
            return _error("bad_content", http=422)
        return await self._desk.serve(request, self, _message(said))

    def taken(self, message: Message) -> web.Response:
        return web.json_response({"id": message.id}, status=202)

    def refused(self, trouble: Trouble) -> web.Response:
        return _error(str(_CODES[trouble]), http=422 if trouble.http == 400 else trouble.http)

    def receipt(self, message: Message, said: Said, *, at: float, is_forged: bool) -> Post:
        status: dict[str, Any] = {"id": message.id, "status": said.word}
        if not message.fault.is_anonymous:
            status["reference"] = message.reference
        if not message.fault.is_timeless:
            status["at"] = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
        if said.trouble is not None:
            status["code"] = _CODES[said.trouble]
        body, timestamp = orjson.dumps(status), str(int(time.time()))
        digest = hmac.digest(b"forged" if is_forged else self._secret, f"{timestamp}.".encode() + body, hashlib.sha256).hex()
        return Post(message.callback, {"Content-Type": "application/json", "X-Timestamp": timestamp, "X-Signature": digest}, body)


def _message(said: Mapping[str, Any]) -> Message:
    recipient = said["to"]
    channel = "email" if "@" in recipient else "sms"
    code = faults.chosen_by(recipient.partition("@")[0], channel=channel)
    return Message(
        id=_ONE_ID if faults.FAULTS[code].has_one_id else str(uuid.uuid4()),
        at=time.time(),
        reference=said["reference"],
        recipient=recipient,
        sender=str(said.get("from", "")),
        channel=channel,
        callback=said["report_to"],
        fault_code=code,
    )


def _error(code: str, *, http: int) -> web.Response:
    return web.json_response({"error": code}, status=http)
