"""An SMSC: the simulator's one door that is no HTTP. Many may be bound at once; a message meets the fault that its recipient asks for."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field

from aiohttp import web

from simulator import faults, smsc_receipts, smsc_wire
from simulator.faults import Ending, Said
from simulator.identity import Identity
from simulator.log import Call, Log, Receipt
from simulator.smsc_receipts import Taken
from simulator.smsc_wire import Frame, Submitted

logger = logging.getLogger(__name__)

NAME = "qsura"
"""The system_id that is known here, alone or with a dialect behind it: `qsura-hex`. `qsura-closed` is known, and refused."""
LATE = 2.0
RETRIES = (0.5, 1, 2, 4, 8, 16, 32)
_MOST_TRIES = 1_000
PATIENCE = 5.0
"""Seconds for a receipt to be answered."""
_BINDS = {smsc_wire.BIND_RECEIVER: "r", smsc_wire.BIND_TRANSMITTER: "t", smsc_wire.BIND_TRANSCEIVER: "rt"}
_MOST_WAITING = 100_000


@dataclass(eq=False, slots=True)
class Client:
    """A connection."""

    writer: asyncio.StreamWriter
    system_id: str = ""
    ways: str = ""
    sequences: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    waiting: dict[int, asyncio.Future[int]] = field(default_factory=dict)

    @property
    def dialect(self) -> str:
        return self.system_id.partition("-")[2] or "same"


class Smsc:
    """Takes submit_sm, and brings receipts to whoever is bound under the same name."""

    def __init__(self, who: Identity, log: Log, *, pace: float, sends: bool) -> None:
        self._password = who.smpp_password
        self._log = log
        self._pace = pace
        self._sends = sends
        self._clients: list[Client] = []
        self._met: Counter[bytes] = Counter()
        self._work: set[asyncio.Task[None]] = set()
        self.port: int | None = None

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/smpp/inbound", self.inbound), web.get("/smpp/binds", self.binds), web.delete("/smpp/binds", self.cut_all)]

    @contextlib.asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[int]:
        """The port that is listened on. Raises OSError."""
        server = await asyncio.start_server(self._meet, host, port)
        self.port = int(server.sockets[0].getsockname()[1])
        try:
            yield self.port
        finally:
            server.close()
            for client in self._clients:
                client.writer.transport.abort()
            for task in self._work:
                task.cancel()

    def forget(self) -> None:
        self._met.clear()

    # HTTP beside it, for tests and for whoever looks

    async def inbound(self, request: web.Request) -> web.Response:
        """Somebody writes: {"from": "+20...", "to": "...", "text": "STOP"}, to whoever is bound; `system_id` chooses one."""
        said = await request.json()
        body = smsc_wire.deliver(
            source=str(said["from"]).removeprefix("+"),
            destination=str(said.get("to", "")).removeprefix("+"),
            text=str(said["text"]).encode("utf-16-be"),
            esm_class=0,
            data_coding=8,
        )
        status = await self._bring(str(said.get("system_id", NAME)), body)
        return web.json_response({"status": status}, status=200 if status == smsc_wire.ROK else 503)

    async def binds(self, request: web.Request) -> web.Response:
        return web.json_response({"binds": [{"system_id": each.system_id, "ways": each.ways} for each in self._clients if each.ways]})

    async def cut_all(self, request: web.Request) -> web.Response:
        """Cut every connection, as a restart of the SMSC would."""
        for client in self._clients:
            client.writer.transport.abort()
        return web.Response(status=204)

    # A connection

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(writer)
        self._clients.append(client)
        try:
            while True:
                await self._hear(client, await smsc_wire.read(reader))
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass
        finally:
            self._clients.remove(client)
            for future in client.waiting.values():
                future.cancel()
            writer.close()

    async def _hear(self, client: Client, frame: Frame) -> None:
        if frame.command in _BINDS:
            self._bind(client, frame)
        elif frame.command == smsc_wire.SUBMIT_SM:
            self._take(client, frame)
        elif frame.command == smsc_wire.ENQUIRE_LINK:
            _answer(client, frame)
        elif frame.command == smsc_wire.UNBIND:
            client.ways = ""
            _answer(client, frame)
        elif frame.command == smsc_wire.DELIVER_SM | smsc_wire.RESP:
            if (waiting := client.waiting.pop(frame.sequence, None)) and not waiting.done():
                waiting.set_result(frame.status)
        elif not frame.command & smsc_wire.RESP:
            client.writer.write(smsc_wire.frame(smsc_wire.NACK, status=smsc_wire.RINVCMDID, sequence=frame.sequence))
        await client.writer.drain()

    def _bind(self, client: Client, frame: Frame) -> None:
        system_id, password, _system_type = smsc_wire.strings(frame.body, 3)
        name, _, dialect = system_id.partition("-")
        if client.ways:
            status = smsc_wire.RALYBND
        elif name != NAME or dialect not in ("", "closed", *smsc_receipts.DIALECTS):
            status = smsc_wire.RINVSYSID
        elif password != self._password:
            status = smsc_wire.RINVPASWD
        else:
            status = smsc_wire.RBINDFAIL if dialect == "closed" else smsc_wire.ROK
        if status == smsc_wire.ROK:
            client.system_id, client.ways = system_id, _BINDS[frame.command]
        _answer(client, frame, status=status, body=smsc_wire.string("simulator"))

    def _take(self, client: Client, frame: Frame) -> None:
        if "t" not in client.ways:
            _answer(client, frame, status=smsc_wire.RINVBNDSTS)
            return
        try:
            submitted = smsc_wire.read_submit(frame.body)
        except (ValueError, IndexError):
            _answer(client, frame, status=smsc_wire.RINVMSGLEN)
            return
        if not submitted.recipient.isdigit():
            _answer(client, frame, status=smsc_wire.RINVDSTADR)
            return
        self._decide(client, frame, submitted)

    def _decide(self, client: Client, frame: Frame, submitted: Submitted) -> None:
        code = faults.chosen_by(f"+{submitted.recipient}", channel="sms")
        fault = faults.FAULTS[code]
        if fault.cuts and self._meets(submitted) <= fault.cuts:
            self._note(code, "cut")
            client.writer.transport.abort()
        elif fault.refusal and self._meets(submitted) <= fault.refusals:
            status = smsc_receipts.CODES[fault.refusal]
            self._note(code, f"0x{status:08X}")
            _answer(client, frame, status=status)
        else:
            number = smsc_receipts.new_number(fault)
            taken = Taken(number, time.time(), client.dialect, submitted.sender, submitted.recipient, code)
            self._note(code, "accepted", id_=taken.answered_id)
            self._start(self._serve(client, frame, taken, wants_receipt=submitted.wants_receipt))

    async def _serve(self, client: Client, frame: Frame, taken: Taken, *, wants_receipt: bool) -> None:
        """Answer as the fault says, and say what is to be said."""
        said = list(smsc_receipts.said(taken)) if wants_receipt and self._sends else []
        ending = taken.fault.ending
        if ending is Ending.AFTER_RECEIPTS:
            for each in said:
                await self._tell(client.system_id, taken, each)
        else:
            for each in said:
                self._start(self._tell_later(client.system_id, taken, each))
        if ending is Ending.LATE:
            await asyncio.sleep(LATE * self._pace)
        if ending is Ending.CUT:
            client.writer.transport.abort()
        elif ending is Ending.HALF:
            client.writer.write(smsc_wire.frame(frame.command | smsc_wire.RESP, sequence=frame.sequence, body=b"12\0")[:-2])
            await client.writer.drain()
            client.writer.close()
        elif ending is not Ending.NEVER:
            id_ = "" if ending is Ending.PAGE else taken.answered_id
            _answer(client, frame, body=smsc_wire.string(id_))

    # Receipts

    async def _tell_later(self, system_id: str, taken: Taken, said: Said) -> None:
        await asyncio.sleep((said.after if said.told is None else said.told) * self._pace)
        await self._tell(system_id, taken, said)

    async def _tell(self, system_id: str, taken: Taken, said: Said) -> None:
        """Until it is taken: an SMSC keeps what nobody has acknowledged."""
        body = smsc_receipts.write(taken, said, pace=self._pace)
        for tries, wait in enumerate(itertools.chain(RETRIES, itertools.repeat(RETRIES[-1], _MOST_TRIES)), start=1):
            status = await self._bring(system_id, body)
            ring = self._log.receipts
            ring.add(Receipt(ring.next_seq(), time.time(), "smpp", "", taken.answered_id, said.word, tries, str(status)))
            if status == smsc_wire.ROK:
                return
            await asyncio.sleep(max(wait * self._pace, 0.05))

    async def _bring(self, system_id: str, body: bytes) -> int:
        """One deliver_sm; the status that it was answered with, -1 where nobody answered."""
        client = next((each for each in self._clients if each.system_id == system_id and "r" in each.ways), None)
        if client is None:
            return -1
        sequence = next(client.sequences)
        client.waiting[sequence] = answered = asyncio.get_running_loop().create_future()
        client.writer.write(smsc_wire.frame(smsc_wire.DELIVER_SM, sequence=sequence, body=body))
        try:
            return await asyncio.wait_for(answered, PATIENCE)
        except (TimeoutError, asyncio.CancelledError):
            client.waiting.pop(sequence, None)
            return -1

    def _meets(self, submitted: Submitted) -> int:
        """How often this very submit_sm has come by now. (Its validity shrinks from try to try.)"""
        key = hashlib.sha256(f"{submitted.recipient} {submitted.esm_class}".encode() + submitted.text).digest()
        self._met[key] += 1
        return self._met[key]

    def _note(self, code: str, outcome: str, *, id_: str = "") -> None:
        ring = self._log.calls
        ring.add(Call(ring.next_seq(), time.time(), "smpp", "", id_, code, outcome))

    def _start(self, work: Awaitable[None]) -> None:
        if len(self._work) >= _MOST_WAITING:
            logger.warning("Too much is to be said; a message is left in silence.")
            return
        task = asyncio.ensure_future(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)


def _answer(client: Client, frame: Frame, *, status: int = smsc_wire.ROK, body: bytes = b"") -> None:
    if not client.writer.is_closing():
        client.writer.write(smsc_wire.frame(frame.command | smsc_wire.RESP, status=status, sequence=frame.sequence, body=body))
