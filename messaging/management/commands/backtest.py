"""`manage.py backtest BUSINESS ROUTE`: what the newest draft of a route would do with the messages of the last days."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.choices import Mode
from accounts.refusals import Refusal
from messaging import backtesting
from routing.choices import RouteStatus
from routing.models import RouteVersion


class Command(BaseCommand):
    help = "Puts the messages of the last days through a draft of a route, and prints what would change. Changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("business", help="The business's slug.")
        parser.add_argument("route", help="The route's name.")
        parser.add_argument("--number", type=int, help="Of the version; else the newest draft.")
        parser.add_argument("--days", type=int, default=7)
        parser.add_argument("--mode", choices=Mode.values, default=Mode.LIVE)

    def handle(self, *_: Any, **options: Any) -> None:
        rows = RouteVersion.objects.select_related("route").filter(route__business__slug=options["business"], route__name=options["route"])
        which = {"number": options["number"]} if options["number"] else {"status": RouteStatus.DRAFT}
        version = rows.filter(**which).order_by("-number").first()
        if version is None:
            raise CommandError("There is no such draft: name the business's slug and the route, and perhaps --number.")
        at = timezone.now()
        try:
            row = backtesting.ask(version, since=at - timedelta(days=options["days"]), mode=options["mode"], by=None, at=at)
        except Refusal as refusal:
            raise CommandError(refusal.detail) from refusal
        self._tell(backtesting.carry_out(row, at=at).result)

    def _tell(self, result: dict[str, Any]) -> None:
        self.stdout.write(f"{result['looked_at']} of {result['messages']} messages looked at; {result['changed']} would take another road.")
        for title, side in (("now", result["now"]), ("draft", result["draft"])):
            self.stdout.write(f"\n{title}")
            for each in side["shares"]:
                self.stdout.write(f"  {each['share']:7.1%}  {each['messages']:8}  {each['channel']} by {each['account']}")
            self.stdout.write(f"  without a road: {side['without_road']}")
            for each in side["reasons"]:
                self.stdout.write(f"    {each['messages']}: {each['reason']}")
            fallback = "unknown" if side["fallback"] is None else f"{side['fallback']:.1%} (measured for {side['measured']})"
            cost = "no prices" if side["cost"] is None else f"{side['cost']} (prices known for {side['priced']})"
            self.stdout.write(f"  expected to fall back: {fallback}\n  cost of first attempts: {cost}")
