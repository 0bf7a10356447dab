"""Twilio's Content API and its approval requests (twilio/twilio-oai, content v1). It tells nobody; whoever wants to know asks."""

from __future__ import annotations

import base64
import hmac
import secrets
import time
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from simulator.identity import Identity
from simulator.templates import Template, Templates

_KINDS = ("twilio/text", "twilio/media", "twilio/quick-reply", "twilio/call-to-action", "whatsapp/card", "whatsapp/authentication")


class TwilioContent:
    """The doors."""

    def __init__(self, identity: Identity, templates: Templates, *, pace: float) -> None:
        self._sid = identity.account_sid
        self._authorization = b"Basic " + base64.b64encode(f"{identity.account_sid}:{identity.auth_token}".encode())
        self._templates = templates
        self._pace = pace

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/twilio/v1/Content", self.create),
            web.get("/twilio/v1/Content/{sid}", self.read),
            web.delete("/twilio/v1/Content/{sid}", self.remove),
            web.post("/twilio/v1/Content/{sid}/ApprovalRequests/whatsapp", self.ask),
            web.get("/twilio/v1/Content/{sid}/ApprovalRequests", self.approval),
            web.get("/twilio/v1/ContentAndApprovals", self.list),
        ]

    async def create(self, request: web.Request) -> web.Response:
        said = await _body(request)
        if not self._is_ours(request):
            return _stranger()
        types = said.get("types")
        if not isinstance(types, dict) or not types or not said.get("language") or set(types) - set(_KINDS):
            return _error(20001, "Bad request: types and language are required", http=400)
        name, language = str(said.get("friendly_name", "")), str(said["language"])
        content = {"types": types, "variables": said.get("variables", {})}
        made = Template("twilio", self._sid, "HX" + secrets.token_hex(16), name, language, "", status="unsubmitted", content=content)
        self._templates.add(made)
        return web.json_response(self._told(made), status=201)

    async def read(self, request: web.Request) -> web.Response:
        found = self._found(request)
        return found if isinstance(found, web.Response) else web.json_response(self._told(found))

    async def remove(self, request: web.Request) -> web.Response:
        found = self._found(request)
        if isinstance(found, web.Response):
            return found
        self._templates.remove(found)
        return web.Response(status=204)

    async def ask(self, request: web.Request) -> web.Response:
        said, found = await _body(request), self._found(request)
        if isinstance(found, web.Response):
            return found
        if not said.get("name") or said.get("category") not in ("AUTHENTICATION", "MARKETING", "UTILITY"):
            return _error(20001, "Bad request: name and category are required", http=400)
        found.category, found.status, found.made_at = said["category"], "received", time.time()
        found.content["asked"] = said["name"]
        self._templates.keep()
        return web.json_response(self._approval(found), status=201)

    async def approval(self, request: web.Request) -> web.Response:
        found = self._found(request)
        if isinstance(found, web.Response):
            return found
        url = f"https://content.twilio.com/v1/Content/{found.id}/ApprovalRequests"
        return web.json_response({"sid": found.id, "account_sid": self._sid, "whatsapp": self._approval(found), "url": url})

    async def list(self, request: web.Request) -> web.Response:
        if not self._is_ours(request):
            return _stranger()
        listed = [*self._templates.of("twilio", self._sid)]
        size, page = int(request.query.get("PageSize") or 50), int(request.query.get("Page") or 0)
        shown = [{**self._told(each), "approval_requests": self._approval(each)} for each in listed[page * size : (page + 1) * size]]
        more = (page + 1) * size < len(listed)
        here = "https://content.twilio.com/v1/ContentAndApprovals"
        meta = {
            "page": page,
            "page_size": size,
            "first_page_url": f"{here}?PageSize={size}&Page=0",
            "previous_page_url": None,
            "next_page_url": f"{here}?PageSize={size}&Page={page + 1}" if more else None,
            "url": f"{here}?PageSize={size}&Page={page}",
            "key": "contents",
        }
        return web.json_response({"contents": shown, "meta": meta})

    def _found(self, request: web.Request) -> Template | web.Response:
        if not self._is_ours(request):
            return _stranger()
        found = self._templates.get(request.match_info["sid"])
        return found or _error(20404, "The requested resource was not found", http=404)

    def _approval(self, template: Template) -> dict[str, Any]:
        status = self._templates.by_time(template, pace=self._pace)
        return {
            "type": "whatsapp",
            "name": template.content.get("asked", ""),
            "category": template.category,
            "content_type": next(iter(template.content["types"]), ""),
            "status": status,
            "rejection_reason": "INVALID_FORMAT" if status == "rejected" else "",
            "allow_category_change": True,
        }

    def _told(self, template: Template) -> dict[str, Any]:
        made = datetime.fromtimestamp(template.made_at, UTC).isoformat().replace("+00:00", "Z")
        url = f"https://content.twilio.com/v1/Content/{template.id}"
        return {
            "sid": template.id,
            "account_sid": self._sid,
            "friendly_name": template.name,
            "language": template.language,
            "variables": template.content["variables"],
            "types": template.content["types"],
            "url": url,
            "date_created": made,
            "date_updated": made,
            "links": {"approval_create": f"{url}/ApprovalRequests/whatsapp", "approval_fetch": f"{url}/ApprovalRequests"},
        }

    def _is_ours(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        return hmac.compare_digest(given, self._authorization)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        said = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def _stranger() -> web.Response:
    return _error(20003, "Authenticate", http=401)


def _error(code: int, text: str, *, http: int) -> web.Response:
    return web.json_response({"code": code, "message": text, "status": http}, status=http)
