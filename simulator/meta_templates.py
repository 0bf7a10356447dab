"""Meta's template edges: `message_templates` of a WhatsApp Business Account, a template by its id, and the webhooks about them.

Source: facebook/openapi, business messaging API v23.0; the webhooks' reference on message_template_status_update and its sisters.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from simulator.identity import Identity
from simulator.subscriptions import Subscriptions
from simulator.templates import DECIDED_AFTER, FALLEN_AFTER, Template, Templates, fate, new_id

logger = logging.getLogger(__name__)

_TRIES = 5
_PAGE = 25
_EDITABLE = ("APPROVED", "REJECTED", "PAUSED")
_TIMEOUT = aiohttp.ClientTimeout(total=10)


class MetaTemplates:
    """The doors."""

    def __init__(self, identity: Identity, templates: Templates, subscriptions: Subscriptions, *, pace: float) -> None:
        self._authorization = f"Bearer {identity.access_token}"
        self._secret = identity.app_secret.encode()
        self._templates = templates
        self._subscriptions = subscriptions
        self._pace = pace
        self._errands: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/meta/{version}/{waba}/message_templates", self.create),
            web.get("/meta/{version}/{waba}/message_templates", self.list),
            web.delete("/meta/{version}/{waba}/message_templates", self.remove),
            web.get("/meta/{version}/{id}", self.read),
            web.post("/meta/{version}/{id}", self.edit),
        ]

    async def create(self, request: web.Request) -> web.Response:
        said, owner = await _body(request), request.match_info["waba"]
        if not self._is_ours(request):
            return _unknown_token()
        name, language = str(said.get("name", "")), str(said.get("language", ""))
        if not name or not language or said.get("category") not in ("AUTHENTICATION", "MARKETING", "UTILITY"):
            return _error(100, "Invalid parameter", subcode=2388043, told="Name, language and category are required.")
        if problem := _problem(said):
            return _error(100, "Invalid parameter", subcode=2388299, told=problem)
        if self._templates.find("meta", owner, name=name, language=language):
            told = "There is already content for this template in this language."
            return _error(100, "Content in This Language Already Exists", subcode=2388024, told=told)
        content: dict[str, Any] = {key: said[key] for key in ("components", "parameter_format") if key in said}
        template = Template("meta", owner, new_id(), name, language, said["category"], content=content)
        self._templates.add(template)
        self._begin(template)
        return web.json_response({"id": template.id, "status": template.status, "category": template.category})

    async def list(self, request: web.Request) -> web.Response:
        if not self._is_ours(request):
            return _unknown_token()
        listed = [*self._templates.of("meta", request.match_info["waba"], name=request.query.get("name", ""))]
        begin = int(request.query.get("after") or 0)
        size = min(int(request.query.get("limit") or _PAGE), 100)
        page, end = listed[begin : begin + size], begin + size
        cursors = {"before": str(begin), "after": str(end)}
        further = {"next": str(request.url.update_query(after=str(end)))} if end < len(listed) else {}
        return web.json_response({"data": [_told(each) for each in page], "paging": {"cursors": cursors, **further}})

    async def remove(self, request: web.Request) -> web.Response:
        if not self._is_ours(request):
            return _unknown_token()
        for each in [*self._templates.of("meta", request.match_info["waba"], name=request.query.get("name", ""))]:
            if request.query.get("hsm_id") in (None, each.id):
                self._templates.remove(each)
                self._tell(each, {"event": "DELETED", "reason": "NONE"})
        return web.json_response({"success": True})

    async def read(self, request: web.Request) -> web.Response:
        if not self._is_ours(request):
            return _unknown_token()
        template = self._templates.get(request.match_info["id"])
        return web.json_response(_told(template)) if template else _missing()

    async def edit(self, request: web.Request) -> web.Response:
        said, template = await _body(request), self._templates.get(request.match_info["id"])
        if not self._is_ours(request):
            return _unknown_token()
        if template is None:
            return _missing()
        if template.status not in _EDITABLE:
            return _error(100, "Invalid parameter", subcode=2388025, told="Only approved, rejected and paused templates can be edited.")
        template.content |= {key: said[key] for key in ("components",) if key in said}
        template.category, template.status = said.get("category", template.category), "PENDING"
        self._templates.keep()
        self._begin(template)
        return web.json_response({"success": True})

    # What becomes of one

    def command(self, template: Template, said: Mapping[str, Any]) -> None:
        """What a test or a person at the simulator decides about it, told by webhook as Meta tells it."""
        if word := said.get("event"):
            template.status = _after(word, said)
            self._tell(template, {"reason": "NONE", **said})
        if quality := said.get("quality"):
            values = {"previous_quality_score": template.quality, "new_quality_score": quality}
            template.quality = quality
            self._tell(template, values, field="message_template_quality_update")
        if category := said.get("category"):
            values = {"previous_category": template.category, "new_category": category}
            template.category = category
            self._tell(template, values, field="template_category_update")
        if components := said.get("components"):
            template.content["components"] = components
            text = next((str(each.get("text", "")) for each in components if str(each.get("type", "")).upper() == "BODY"), "")
            self._tell(template, {"message_template_element": text}, field="message_template_components_update")
        self._templates.keep()

    def _begin(self, template: Template) -> None:
        self._errand(self._judge(template))

    async def _judge(self, template: Template) -> None:
        for wait, word in zip((DECIDED_AFTER, FALLEN_AFTER), fate(template.name), strict=False):
            await asyncio.sleep(wait * self._pace)
            pause = {"other_info": {"title": "FIRST_PAUSE", "description": "Paused for 3 hours."}} if word == "PAUSED" else {}
            self.command(template, {"event": word, "reason": "INVALID_FORMAT" if word == "REJECTED" else "NONE", **pause})

    def _tell(self, template: Template, values: Mapping[str, Any], *, field: str = "message_template_status_update") -> None:
        """At the URL of the business account, if somebody listens there."""
        url = self._subscriptions.get(template.owner)
        if not url:
            return
        named = {
            "message_template_id": int(template.id),
            "message_template_name": template.name,
            "message_template_language": template.language,
        }
        change = {"value": {**named, **values}, "field": field}
        body = {"object": "whatsapp_business_account", "entry": [{"id": template.owner, "time": int(time.time()), "changes": [change]}]}
        self._errand(self._post(url, orjson.dumps(body)))

    async def _post(self, url: str, body: bytes) -> None:
        digest = hmac.digest(self._secret, body, hashlib.sha256).hex()
        headers = {"Content-Type": "application/json", "User-Agent": "facebookexternalua", "X-Hub-Signature-256": f"sha256={digest}"}
        for tries in range(_TRIES):
            try:
                async with (
                    aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=False) as session,
                    session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
                ):
                    if 200 <= answer.status < 300:
                        return
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
                logger.info("A webhook about a template was not taken.")
            await asyncio.sleep(0.5 * 2**tries * self._pace)

    def _errand(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    def _is_ours(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._authorization.encode())


def _after(word: str, said: Mapping[str, Any]) -> str:
    """The status after an event; a pause that ends is told by its title."""
    other = said.get("other_info")
    title = other.get("title") if isinstance(other, dict) else ""
    return "APPROVED" if title == "UNPAUSE" or word == "REINSTATED" else word


def _problem(said: Mapping[str, Any]) -> str:
    """What Meta refuses at once."""
    for each in said.get("components") or []:
        text = str(each.get("text", "")).strip() if isinstance(each, dict) else ""
        if isinstance(each, dict) and str(each.get("type", "")).upper() == "BODY" and (text.startswith("{{") or text.endswith("}}")):
            return "Variables can't be at the start or end of the template."
        if "{{" in text and isinstance(each, dict) and not each.get("example"):
            return "Message template 'components' param is missing expected field(s) (example)."
    return "" if said.get("components") else "Components are required."


def _told(template: Template) -> dict[str, Any]:
    reason = {"rejected_reason": "INVALID_FORMAT"} if template.status == "REJECTED" else {}
    return {
        "id": template.id,
        "name": template.name,
        "language": template.language,
        "status": template.status,
        "category": template.category,
        "quality_score": {"score": template.quality, "date": int(template.made_at)},
        **reason,
        **template.content,
    }


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        said = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def _unknown_token() -> web.Response:
    return _error(190, "Invalid OAuth access token - Cannot parse access token", http=401)


def _missing() -> web.Response:
    return _error(100, "Unsupported get request. Object with that ID does not exist", subcode=33)


def _error(code: int, text: str, *, subcode: int | None = None, told: str = "", http: int = 400) -> web.Response:
    error: dict[str, Any] = {"message": text, "type": "OAuthException", "code": code, "fbtrace_id": secrets.token_urlsafe(16)}
    if subcode is not None:
        error["error_subcode"] = subcode
    if told:
        error |= {"is_transient": False, "error_user_title": text, "error_user_msg": told}
    return web.json_response({"error": error}, status=http)
