"""What the machine can do at most, measured in the same run as what is compared with it."""

from __future__ import annotations

import asyncio
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import uvloop
from django.db import connection

from qsura_platform.local import binaries
from routing.providers.base import Call

IN_FLIGHT = 100

# Message, state, due, event and idempotency key, as large as the real ones, in the real tables: one statement, one commit.
_L1 = """
WITH new AS (
    SELECT (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
            || right(md5(random()::text || clock_timestamp()::text), 19))::uuid AS id, gen_random_uuid()::text AS key
), one AS (
    SELECT new.id AS new_id, new.key AS new_key, m.* FROM new, (SELECT * FROM messaging_message WHERE id = '{sample}') m
), kept AS (
    INSERT INTO messaging_idempotencykey (business_id, mode, key, body_hash, answer, created_at)
    SELECT business_id, mode, new_key, content_hash, convert_to(plan::text, 'UTF8'), now() FROM one
), message AS (
    INSERT INTO messaging_message SELECT new_id, {columns} FROM one
), state AS (
    INSERT INTO messaging_state (message_id, status, opened, seq, step, attempts, expires_at)
    SELECT new_id, 'accepted', 'accepted', 1, 0, 0, expires_at FROM one
), due AS (
    INSERT INTO messaging_due (message_id, business_id, lane, number, step, channel, account_id, due_at, tries)
    SELECT new_id, business_id, 'marketing', 1, 0, channel, business_id, now() + interval '1 day', 0 FROM one
)
INSERT INTO messaging_event (message_id, seq, id, business_id, mode, type, status, final, occurred_at, recorded_at)
SELECT new_id, 1, new_id, business_id, mode, 'message.accepted', 'accepted', false, now(), now() FROM one
"""


def accepts(database: str, *, seconds: float) -> float:
    """L1: the real accept as one statement, by pgbench with 8 clients; transactions a second."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM messaging_message ORDER BY id DESC LIMIT 1")
        sample = cursor.fetchone()[0]
        cursor.execute(
            "SELECT string_agg(column_name, ', ' ORDER BY ordinal_position) FROM information_schema.columns"
            " WHERE table_name = 'messaging_message' AND column_name <> 'id'"
        )
        columns = cursor.fetchone()[0]
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(" ".join(_L1.format(sample=sample, columns=columns).split()) + "\n")
        script.flush()
        pgbench = binaries.find(account=None, shelf=Path(tempfile.gettempdir())) / "pgbench"
        command = [str(pgbench), "-n", "-M", "prepared", "-c", "8", "-j", "2", "-T", str(int(seconds)), "-f", script.name, database]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"tps = ([\d.]+)", printed)
    assert found, printed
    return float(found[1])


def calls(prepared: Sequence[Call]) -> float:
    """L3: a bare aiohttp loop that makes the same calls to the same simulator; calls a second."""
    return uvloop.run(_calls(prepared))


async def _calls(prepared: Sequence[Call]) -> float:
    waiting = list(prepared)

    async def work(session: aiohttp.ClientSession) -> None:
        while waiting:
            call = waiting.pop()
            async with session.request(call.method, call.url, data=call.body, headers=call.headers) as answer:
                await answer.read()

    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=IN_FLIGHT), cookie_jar=aiohttp.DummyCookieJar(), skip_auto_headers=("Accept", "User-Agent")
    ) as session:
        began = time.perf_counter()
        await asyncio.gather(*(work(session) for _ in range(IN_FLIGHT)))
        return len(prepared) / (time.perf_counter() - began)
