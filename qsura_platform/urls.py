"""Every door of the platform."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

import callbacks.api
import callbacks.receipts
import messaging.api
import messaging.doors.one_click
import templates_app.api
from qsura_platform import health, metrics, schema, start

urlpatterns = [
    path("", include(start.urlpatterns)),
    path("", include(health.urlpatterns)),
    path("", include(metrics.urlpatterns)),
    path("", include(schema.urlpatterns)),
    path("", include(messaging.doors.one_click.urlpatterns)),
    path("admin/", admin.site.urls),
    path("v1/", include(messaging.api.urlpatterns)),
    path("v1/", include(templates_app.api.urlpatterns)),
    path("v1/", include(callbacks.api.urlpatterns)),
    path("v1/", include(callbacks.receipts.urlpatterns)),
]
