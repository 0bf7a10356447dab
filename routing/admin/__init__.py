"""By which road: the admin's pages for provider accounts and routes."""

from __future__ import annotations

from routing.admin.accounts import ProviderAccountDesk
from routing.admin.prices import PriceDesk
from routing.admin.quiet_hours import QuietHoursDesk
from routing.admin.routes import RouteDesk
from routing.admin.versions import RouteVersionDesk

__all__ = ["PriceDesk", "ProviderAccountDesk", "QuietHoursDesk", "RouteDesk", "RouteVersionDesk"]
