"""Deciding about templates from outside, as a reviewer at a provider would: `GET /templates`, `PUT /templates/{name}`."""

from __future__ import annotations

import dataclasses

import orjson
from aiohttp import web

from simulator.meta_templates import MetaTemplates
from simulator.templates import Templates


class Commands:
    """For tests, and for whoever wants to see a pause."""

    def __init__(self, templates: Templates, meta: MetaTemplates) -> None:
        self._templates = templates
        self._meta = meta

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/templates", self.list), web.put("/templates/{name}", self.command)]

    async def list(self, request: web.Request) -> web.Response:
        found = [each for owner in ("meta", "twilio") for each in self._templates.every(owner)]
        return web.json_response({"templates": [dataclasses.asdict(each) for each in found]})

    async def command(self, request: web.Request) -> web.Response:
        """`{"event": "PAUSED", "other_info": {...}}`, `{"quality": "RED"}`, `{"category": "MARKETING"}` or `{"components": [...]}`."""
        try:
            said = orjson.loads(await request.read())
        except orjson.JSONDecodeError:
            said = None
        named = self._templates.named(request.match_info["name"])
        if not isinstance(said, dict) or not named:
            return web.json_response({"error": "name a template that is here, and say what happens to it"}, status=422)
        for each in named:
            if each.provider == "meta":
                self._meta.command(each, said)
            elif said.get("event"):
                each.status = str(said["event"]).lower()
        self._templates.keep()
        return web.json_response({"templates": [each.id for each in named]})
