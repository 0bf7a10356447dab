from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register
from django.db.backends.signals import connection_created

from qsura_platform import checks, moments


class PlatformConfig(AppConfig):
    name = "qsura_platform"
    verbose_name = "Platform"

    def ready(self) -> None:
        for check in checks.ALWAYS:
            register(check, "qsura")
        for check in checks.DEPLOY:
            register(check, "qsura", deploy=True)
        connection_created.connect(moments.teach)
