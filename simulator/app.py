"""The simulator, put together."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from simulator.commanding import Commands
from simulator.desk import Desk
from simulator.front import Front
from simulator.identity import identity
from simulator.infobip import Infobip
from simulator.log import Log
from simulator.mail_server import MailServer
from simulator.meta import Meta
from simulator.meta_templates import MetaTemplates
from simulator.people import People
from simulator.postman import Postman
from simulator.postmark import Postmark
from simulator.receiver import Receivers
from simulator.records import Records
from simulator.signed_http import SignedHttp
from simulator.smsc import Smsc
from simulator.subscriptions import Subscriptions
from simulator.templates import Templates
from simulator.twilio import Twilio
from simulator.twilio_content import TwilioContent
from simulator.vonage import Vonage


@dataclass(frozen=True, slots=True)
class Wishes:
    """How it is to run. `pace` multiplies every wait; without `sends_receipts` it only takes messages."""

    secret: str = field(repr=False)
    pace: float = 1.0
    sends_receipts: bool = True
    state: Path | None = None


SMSC = web.AppKey("smsc", Smsc)
MAIL = web.AppKey("mail", MailServer)
"""The doors that are no HTTP; whoever serves the application opens them too, where they are wanted."""


def build(wishes: Wishes) -> web.Application:
    log = Log()
    postman = Postman(log, pace=wishes.pace, sends=wishes.sends_receipts)
    desk = Desk(log, postman, pace=wishes.pace)
    who = identity(wishes.secret)
    subscriptions = Subscriptions(wishes.state)
    app = web.Application()
    subscriptions, templates = Subscriptions(wishes.state), Templates(_beside(wishes.state))
    meta_templates = MetaTemplates(who, templates, subscriptions, pace=wishes.pace)
    app.add_routes(Meta(who, desk, subscriptions, templates).routes())
    app.add_routes(meta_templates.routes())
    app.add_routes(Twilio(who, desk, templates).routes())
    app.add_routes(TwilioContent(who, templates, pace=wishes.pace).routes())
    app.add_routes(Commands(templates, meta_templates).routes())
    app.add_routes(Vonage(who, desk).routes())
    app.add_routes(Infobip(who, desk).routes())
    app.add_routes(SignedHttp(who, desk).routes())
    app.add_routes(Postmark(who, desk, subscriptions).routes())
    app.add_routes(People(who, desk).routes())
    smsc = app[SMSC] = Smsc(who, log, pace=wishes.pace, sends=wishes.sends_receipts)
    app.add_routes(smsc.routes())
    mail = app[MAIL] = MailServer(who, desk, postman, subscriptions)
    app.add_routes(mail.routes())
    app.add_routes(Receivers().routes())
    app.add_routes(Records(log, desk, smsc).routes())
    app.add_routes(Front().routes())
    app.cleanup_ctx.append(postman.on_duty)
    return app


def _beside(state: Path | None) -> Path | None:
    """The templates' file stands beside the subscriptions'."""
    return state.with_name(f"{state.stem}.templates.json") if state else None
