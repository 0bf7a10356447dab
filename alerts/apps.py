from __future__ import annotations

from django.apps import AppConfig

from accounts import signals
from alerts import listening


class AlertsConfig(AppConfig):
    name = "alerts"
    verbose_name = "Alerts"

    def ready(self) -> None:
        signals.key_exposed.connect(listening.key_exposed, dispatch_uid="alerts.listening.key_exposed")
