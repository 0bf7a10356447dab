"""The front: a page that tells which doors there are and which number meets which fault, and a sign of life."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from aiohttp import web

from simulator.faults import FAULTS

DOORS = {
    "POST /meta/{version}/{phone_number_id}/messages": "Meta: hand a message over",
    "POST /meta/{version}/{waba_id}/subscribed_apps": "Meta: name the URL for receipts (proven by a GET handshake)",
    "/meta/{version}/{waba_id}/message_templates, /meta/{version}/{template_id}": "Meta: templates, judged by their names",
    "POST /twilio/2010-04-01/Accounts/{sid}/Messages.json": "Twilio: hand a message over",
    "POST /vonage/v1/messages": "Vonage: hand a message over",
    "POST /infobip/sms/3/messages": "Infobip: hand an SMS over",
    "POST /infobip/whatsapp/1/message/template": "Infobip: hand a WhatsApp template over",
    "POST /postmark/email": "Postmark: hand an e-mail over",
    "POST /postmark/webhooks": "Postmark: name the URL for receipts",
    "/twilio/v1/Content, .../ApprovalRequests, /twilio/v1/ContentAndApprovals": "Twilio: templates, judged by their names",
    "smpp://HOST:SMPP_PORT": "SMPP 3.4: bind as qsura, or qsura-hex, -decimal, -zeros, -tlv, -closed; submit_sm",
    "POST /smpp/inbound": "SMPP: somebody writes: from, to, text",
    "/smpp/binds": "SMPP: who is bound; DELETE cuts every connection",
    "smtp://HOST:SMTP_PORT": "SMTP: log in as qsura, and hand a letter over",
    "PUT /smtp/reports": "SMTP: name the URL that bounces are posted to",
    "POST /people/{number or address}": "somebody writes, taps, reacts or unsubscribes",
    "PUT /templates/{name}": 'decide about a template: {"event": "PAUSED"}, {"quality": "RED"}, {"category": "MARKETING"}',
    "GET /templates": "every template of every account",
    "PUT /receiver/{name}": "make a customer's endpoint: secret, answers, delay, location",
    "POST /receiver/{name}": "the endpoint itself",
    "GET /receiver/{name}/events": "what it saw: ?after=, ?wait=, ?count=",
    "GET /log/calls": "hand-offs: ?reference=, ?provider=, ?outcome=accepted, ?after=, ?wait=, ?count=",
    "GET /log/receipts": "receipts sent out, a line a try: the same questions",
    "DELETE /log": "forget calls, receipts and what is still to be sent",
    "GET /livez": "200 while it lives",
}


class Front:
    """What is seen first."""

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/", self.page), web.get("/livez", self.livez)]

    async def page(self, request: web.Request) -> web.Response:
        return web.Response(text=_PAGE, content_type="text/html")

    async def livez(self, request: web.Request) -> web.Response:
        return web.Response(text="ok\n")


def _rows(rows: Mapping[str, str]) -> str:
    return "".join(f"<tr><td><code>{escape(left)}</code><td>{escape(right)}" for left, right in rows.items())


_PAGE = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Qsura simulator</title>
<h1>Qsura simulator</h1>
<p>Stands in for Meta, Twilio, Vonage, Infobip, Postmark, an SMSC, a mail server and a customer's receiver.
<h2>Doors</h2>
<table>{_rows(DOORS)}</table>
<h2>Faults</h2>
<p>A recipient's number that ends in 00NN meets fault NN; any other is served well.
<table>{_rows({"00" + code: fault.tells for code, fault in FAULTS.items()})}</table>
</html>
"""
