"""Routes: what each says now, and every version that it had."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.desk import Desk, display
from routing import telling
from routing.admin import healths
from routing.choices import RouteStatus
from routing.models import Route

_LATEST = 50


@admin.register(Route)
class RouteDesk(Desk):
    list_display = ("name", "business", "position", "decides")
    list_filter = ("business",)
    list_select_related = ("business",)
    search_fields = ("name",)
    ordering = ("business__name", "position", "name")
    change_form_outer_after_template = "admin/routing/versions.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("versions")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("business", "name", "position")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """Messages name the route that chose their plan."""
        return ("business", "name") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @display(description="decides", label=True)
    def decides(self, route: Route) -> str:
        published = [version for version in route.versions.all() if version.status == RouteStatus.PUBLISHED]
        return f"version {published[0].number}" if published else "not published"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        route: Route | None = self.get_object(request, object_id)
        versions = route.versions.select_related("published_by").order_by("-number")[:_LATEST] if route else []
        more: dict[str, Any] = {
            "healths": healths.of_route(route.business_id, at=timezone.now()) if route else [],
            "versions": [{"version": version, "rules": telling.tell(version.rules)} for version in versions],
            "may_publish": request.user.has_perm("routing.publish_routeversion"),
            "may_draft": request.user.has_perm("routing.add_routeversion"),
        }
        page: HttpResponse = super().change_view(request, object_id, form_url, (extra_context or {}) | more)
        return page
