from __future__ import annotations

from uuid import UUID

from django.apps import AppConfig
from django.urls import reverse

from routing import trials
from routing.trials import Trial


class MessagingConfig(AppConfig):
    name = "messaging"
    verbose_name = "Messages"

    def ready(self) -> None:
        trials.trials.append(Trial("Ask what a message would do", "help", "messaging.view_message", _explain))
        trials.trials.append(Trial("Test it with last week's messages", "experiment", "routing.change_routeversion", _backtest))


def _explain(business_id: UUID, version_id: UUID) -> str:
    return f"{reverse('admin:messaging_message_explain')}?business={business_id}&version={version_id}"


def _backtest(_business_id: UUID, version_id: UUID) -> str:
    return f"{reverse('admin:messaging_backtest_add')}?version={version_id}"
