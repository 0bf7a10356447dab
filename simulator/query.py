"""Reading a ring over HTTP: `?after=<seq>`, any field by its value, and `?wait=<seconds>` for `?count=<at least so many>`."""

from __future__ import annotations

import orjson
from aiohttp import web

from simulator.log import E, Ring

LONGEST_WAIT = 60.0
MOST = 10_000
_OWN = ("after", "wait", "count")


async def answer(request: web.Request, ring: Ring[E], name: str) -> web.Response:
    """{"count": ..., name: [...]}, the oldest first."""
    given = request.query
    try:
        after, wait, count = int(given.get("after", "0")), float(given.get("wait", "0")), int(given.get("count", "1"))
    except ValueError:
        return web.json_response({"error": "after, wait and count are numbers"}, status=422)
    wanted = {field: value for field, value in given.items() if field not in _OWN}

    def is_wanted(entry: E) -> bool:
        return all(str(getattr(entry, field, "")) == value for field, value in wanted.items())

    found = await ring.wait(is_wanted, after=after, at_least=count, seconds=min(wait, LONGEST_WAIT))
    return web.Response(body=orjson.dumps({"count": len(found), name: found[:MOST]}), content_type="application/json")
