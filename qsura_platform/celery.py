"""The Celery application: wake-ups only. Due times live in the database (docs/decisions/)."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qsura_platform.settings")

app = Celery("qsura")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
