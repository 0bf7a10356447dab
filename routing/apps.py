"""The room's door to Django: keeps the stand-ins there, and the two worlds apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.apps import apps as every_app
from django.apps.registry import Apps
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.db.models.signals import post_migrate

from routing import stand_ins


class RoutingConfig(AppConfig):
    name = "routing"
    verbose_name = "Routing"

    def ready(self) -> None:
        post_migrate.connect(ensure_stand_ins, sender=self, dispatch_uid="routing.stand_ins")
        register(worlds_apart, Tags.database)


def ensure_stand_ins(sender: AppConfig, *, using: str, apps: Apps = every_app, **_: Any) -> None:
    """Test keys work from the first migration on. `apps`: the models as far as the database is migrated."""
    accounts = apps.get_model(sender.label, "ProviderAccount")
    if _has_table(accounts, using):
        stand_ins.ensure(accounts, using=using)


def worlds_apart(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """A live account whose calls would go to the simulator: hand-off refuses it, and here is why nothing is sent."""
    accounts = every_app.get_model("routing", "ProviderAccount")
    live = [
        row
        for using in databases or ()
        if _has_table(accounts, using)
        # By these columns alone, which every version has had: `migrate` asks before it brings the others.
        for row in accounts._default_manager.using(using).filter(mode="live").values_list("name", "base_url", "settings")
    ]
    hint = "Empty its base URL for the provider's own address, or make a test account instead."
    return [
        Error(f"The live provider account {name!r} points at the simulator.", hint=hint, id="qsura.E020")
        for name, base_url, told in live
        if stand_ins.is_simulator(base_url) or stand_ins.is_simulators_server(told)
    ]


def _has_table(model: Any, using: str) -> bool:
    return model._meta.db_table in connections[using].introspection.table_names()
