"""The room's door to Django: listens for recorded events, so that each becomes the deliveries owed."""

from __future__ import annotations

from django.apps import AppConfig

from accounts.signals import told
from callbacks import moments, outbox
from messaging import timeline
from messaging.signals import recorded


class CallbacksConfig(AppConfig):
    name = "callbacks"
    verbose_name = "Callbacks"

    def ready(self) -> None:
        recorded.connect(outbox.owe, dispatch_uid="callbacks.outbox")
        told.connect(outbox.owe_news, dispatch_uid="callbacks.outbox.news")
        timeline.sources.append(moments.webhooks)
