"""Is the process alive, and is it ready for work? For load balancers, and for nobody's curiosity: no detail."""

from __future__ import annotations

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from qsura_platform.errors import DATABASE_IS_AWAY

_migrated: set[str] = set()
"""The databases seen with every migration of this code: that does not change while the process lives."""


@never_cache
@require_safe
def livez(_request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """The database answers, and has every migration of this code."""
    try:
        obstacle = _obstacle()
    except DATABASE_IS_AWAY:
        obstacle = "database_unavailable"
    if obstacle:
        return JsonResponse({"status": "unready", "because": obstacle}, status=503, headers={"Retry-After": "5"})
    return JsonResponse({"status": "ready"})


def _obstacle() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    name = str(connection.settings_dict["NAME"])
    if name not in _migrated:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return "migrations_pending"
        _migrated.add(name)
    return ""


urlpatterns = [path("livez", livez), path("readyz", readyz)]
