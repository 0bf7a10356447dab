"""What each role may do. Roles are groups; their rights are made exactly so after every migration.

Rights are granted by name, so that a permission which appears later (with a new model) is granted when it does. Nobody may delete
anything of history, and nobody but a superuser may make people, so that no role can promote itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed
from django.db.models import Q

from accounts.choices import Role

ROOMS = ("accounts", "alerts", "routing", "templates_app", "messaging", "callbacks")

_LOOK = ("view",)
_KEEP = ("add", "change", "view")

_TEMPLATES = ("template", "templateversion", "review", "registration", "registrationnews")
_ROUTING = ("provideraccount", "route", "routeversion", "price", "quiethours", "limits", "release")
_HISTORY = ("message", "state", "attempt", "event", "receipt")
_WEBHOOKS = ("endpoint", "delivery", "deliverytry", "replay", "providercall", "parkedreceipt", "unknownword", "rereading")

Right = tuple[str, str]
"""A room and a permission's codename in it."""


def _rights(room: str, models: Iterable[str], actions: Iterable[str]) -> set[Right]:
    return {(room, f"{action}_{model}") for model in models for action in actions}


RIGHTS: dict[Role, set[Right]] = {
    Role.AUTHOR: _rights("templates_app", _TEMPLATES, _LOOK) | _rights("templates_app", _TEMPLATES[:2], _KEEP),
    Role.APPROVER: _rights("templates_app", _TEMPLATES, _LOOK) | {("templates_app", "review_templateversion")},
    Role.OPERATOR: _rights("accounts", ["business"], _LOOK)
    | _rights("accounts", ["apikey"], _KEEP)
    | _rights("alerts", ["alert"], _LOOK)
    | {("alerts", "acknowledge_alert")}
    | _rights("routing", _ROUTING, _KEEP)
    | {("routing", "publish_routeversion")}
    | _rights("templates_app", _TEMPLATES, _LOOK)
    | _rights("messaging", _HISTORY, _LOOK)
    | _rights("messaging", ["suppression"], _KEEP)
    | _rights("messaging", ["suppressionimport"], _LOOK)
    | _rights("messaging", ["deadletter", "backtest", "inbound"], _LOOK)
    | {("messaging", "put_back_deadletter")}
    | _rights("callbacks", _WEBHOOKS, _LOOK)
    | _rights("callbacks", ["endpoint"], _KEEP)
    | {("callbacks", "replay_delivery")},
}


def grant(sender: AppConfig, *, using: str, apps: Any = installed, **_: object) -> None:
    """After each room's migration: the four groups with exactly their rights. Safe to repeat."""
    if sender.name not in ROOMS:
        return
    try:
        group, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    except LookupError:  # a migration that stops before there are groups
        return
    for role in Role:
        row, _made = group.objects.using(using).get_or_create(name=role.value)
        row.permissions.set(permission.objects.using(using).filter(_wanted(role)))


def _wanted(role: Role) -> Q:
    if role is Role.AUDITOR:
        return Q(content_type__app_label__in=ROOMS, codename__startswith="view_")
    wanted = Q(pk__in=[])
    for room, codename in sorted(RIGHTS[role]):
        wanted |= Q(content_type__app_label=room, codename=codename)
    return wanted
