"""Records of backtests; `messaging.models` shows them to Django."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts import ids
from accounts.choices import Mode
from accounts.models import Business, Person
from messaging.choices import BacktestState
from routing.models import RouteVersion


class Backtest(models.Model):
    """Messages of a past time put through a draft of a route, in the background (messaging.backtesting). The result stays."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="+", editable=False)
    version = models.ForeignKey(RouteVersion, on_delete=models.PROTECT, related_name="backtests")
    mode = models.CharField(max_length=4, choices=Mode, default=Mode.LIVE)
    since = models.DateTimeField(editable=False)
    until = models.DateTimeField(editable=False)
    state = models.CharField(max_length=8, choices=BacktestState, default=BacktestState.WAITING, editable=False)
    asked_by = models.ForeignKey(Person, null=True, editable=False, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    total = models.IntegerField(editable=False, default=0, help_text="How many messages are to be looked at.")
    looked = models.IntegerField(editable=False, default=0)
    result = models.JSONField(editable=False, default=dict, help_text="What the published rules would do, and what the draft.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=BacktestState.values), name="messaging_backtest_state_known"),
            models.CheckConstraint(condition=Q(mode__in=Mode.values), name="messaging_backtest_mode_known"),
        ]
        indexes = [
            # The worker: what is still to be done, oldest first.
            models.Index(fields=["id"], condition=Q(state__in=["waiting", "running"]), name="messaging_backtest_open"),
        ]

    def __str__(self) -> str:
        return f"backtest of {self.asked_at:%d %B %H:%M}"
