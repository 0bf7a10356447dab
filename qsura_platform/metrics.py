"""Figures for Prometheus, read from the database when somebody asks: they are the same whichever process answers.

Every figure starts from an index and ends at a limit; labels are our own words, never a customer's.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, exposition
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

import callbacks.pulse
import callbacks.watching
import messaging.pulse
import messaging.watching
from accounts import networks
from alerts.kinds import Kind
from alerts.models import Alert
from messaging.lifecycle import Status
from qsura_platform.errors import DATABASE_IS_AWAY

_LOOPBACK = networks.networks(["127.0.0.0/8", "::1/128"])


class Figures(Collector):
    """What stands in the database at one moment."""

    def __init__(self, *, at: datetime) -> None:
        self._at = at

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield self._messages()
        yield self._ages()
        yield self._one("qsura_deliveries_due", "Webhooks that are due now, up to 10,000.", callbacks.pulse.due(self._at))
        overdue = messaging.watching.overdue(at=self._at).count
        yield self._one(
            "qsura_messages_overdue", "Messages that outlived their deadline without a final status: promised to be 0.", overdue
        )
        yield self._alerts()

    def _messages(self) -> GaugeMetricFamily:
        family = GaugeMetricFamily("qsura_messages", "Messages accepted in the last minute, by status, up to 10,000.", labels=["status"])
        found = Counter(messaging.pulse.statuses(self._at - timedelta(minutes=1)))
        for status in Status:
            family.add_metric([status.value], found[status.value])
        return family

    def _ages(self) -> GaugeMetricFamily:
        family = GaugeMetricFamily("qsura_queue_age_seconds", "How long the oldest that is due has waited.", labels=["queue"])
        for lane, age in messaging.watching.ages(at=self._at).items():
            family.add_metric([f"handoff_{lane}"], age.total_seconds())
        family.add_metric(["receipts"], callbacks.watching.receipts_age(at=self._at).total_seconds())
        heads = callbacks.watching.heads(at=self._at)
        family.add_metric(["webhooks"], heads[0].age.total_seconds() if heads else 0)
        return family

    def _alerts(self) -> GaugeMetricFamily:
        family = GaugeMetricFamily("qsura_alerts_open", "Open alerts.", labels=["kind", "severity"])
        found = dict(Alert.objects.open().values_list("kind").annotate(Count("pk")))
        for kind in Kind:
            family.add_metric([kind.value, kind.severity.value], found.get(kind.value, 0))
        return family

    def _one(self, name: str, documentation: str, value: int) -> GaugeMetricFamily:
        return GaugeMetricFamily(name, documentation, value=value)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures, for whoever has METRICS_TOKEN; nobody else learns that they are here."""
    if not _may_read(request):
        raise Http404
    registry = CollectorRegistry(auto_describe=False)
    try:
        registry.register(Figures(at=timezone.now()))
        return HttpResponse(exposition.generate_latest(registry), content_type=exposition.CONTENT_TYPE_PLAIN_0_0_4)
    except DATABASE_IS_AWAY:
        return HttpResponse(status=503, headers={"Retry-After": "5"})


def _may_read(request: HttpRequest) -> bool:
    """Without a token, this machine alone, and only where no TLS is in front: behind a proxy everybody may look like this machine."""
    if not settings.METRICS_TOKEN:
        is_local = networks.is_within(request.META.get("REMOTE_ADDR", ""), _LOOPBACK)
        return is_local and not settings.PUBLIC_URL.startswith("https://")
    given = request.META.get("HTTP_AUTHORIZATION", "").encode(errors="surrogateescape")
    return hmac.compare_digest(given, f"Bearer {settings.METRICS_TOKEN}".encode())


urlpatterns = [path("metrics", metrics)]
