from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from accounts import roles


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        # After the handler of django.contrib.auth, which stands before this room and makes the permissions.
        post_migrate.connect(roles.grant, dispatch_uid="accounts.roles.grant")
