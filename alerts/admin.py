"""Alerts, for operators and auditors: what is wrong, since when, what to do about it, and who has taken it on."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import DropdownFilter

from accounts.desk import ReadOnlyDesk, action, display
from accounts.models import Person
from alerts import acknowledging, subjects
from alerts.kinds import Kind, Occasion, Severity, Way
from alerts.models import Alert

_SEVERITIES = {"Urgent": "danger", "Warning": "warning", "Notice": "info"}
_STATES = {"open": "danger", "taken on": "warning", "over": "success"}


class StateFilter(DropdownFilter):  # type: ignore[misc]
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("waiting", "Open, taken on by nobody"), ("over", "Over")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = {
            "open": Q(resolved_at__isnull=True),
            "waiting": Q(resolved_at__isnull=True, acknowledged_at__isnull=True),
            "over": Q(resolved_at__isnull=False),
        }
        return queryset.filter(chosen.get(self.value(), Q()))


class SeverityFilter(DropdownFilter):  # type: ignore[misc]
    title = "severity"
    parameter_name = "severity"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Severity.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = [kind for kind in Kind if kind.severity == self.value()]
        return queryset.filter(kind__in=wanted) if self.value() else queryset


class KindFilter(DropdownFilter):  # type: ignore[misc]
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Kind.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Alert)
class AlertDesk(ReadOnlyDesk):
    list_display = ("what", "severity", "because", "business", "since", "seen", "state")
    list_filter = (StateFilter, SeverityFilter, KindFilter, "business")
    list_select_related = ("business", "acknowledged_by")
    sortable_by = ()
    # What is open stands first, the newest on top.
    ordering = (F("resolved_at").desc(nulls_first=True), "-opened_at")
    actions = ("take_on",)  # type: ignore[assignment]  # the one deed that this history allows
    actions_detail = ("acknowledge",)
    fieldsets = (
        (None, {"fields": ("kind_shown", "severity", "what_to_do")}),
        ("What was seen", {"fields": ("subject", "because", "business", "opened_at", "last_seen_at", "times", "resolved_at")}),
        ("Who knows", {"fields": ("acknowledged_by", "acknowledged_at", "note", "told")}),
    )

    def has_acknowledge_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Operators take alerts on, once; auditors only look."""
        if not request.user.has_perm("alerts.acknowledge_alert"):
            return False
        return object_id is None or not self.get_queryset(request).filter(pk=object_id, acknowledged_at__isnull=False).exists()

    @display(description="alert", header=True)
    def what(self, alert: Alert) -> tuple[str, str]:
        return str(Kind(alert.kind).label), alert.about

    @display(description="alert")
    def kind_shown(self, alert: Alert) -> str:
        return str(Kind(alert.kind).label)

    @display(description="severity", label=_SEVERITIES)
    def severity(self, alert: Alert) -> str:
        return str(Kind(alert.kind).severity.label)

    @display(description="what to do")
    def what_to_do(self, alert: Alert) -> str:
        return Kind(alert.kind).what_to_do

    @display(description="about")
    def subject(self, alert: Alert) -> str | SafeString:
        page = subjects.page(alert.about)
        return format_html('<a class="text-link underline" href="{}">{}</a>', page, alert.about) if page else alert.about

    @display(description="since")
    def since(self, alert: Alert) -> str:
        return f"{alert.opened_at:%d %B %H:%M:%S}"

    @display(description="last seen")
    def seen(self, alert: Alert) -> str:
        return f"{alert.last_seen_at:%d %B %H:%M:%S}" + (f", {alert.times} times" if alert.times > 1 else "")

    @display(description="state", label=_STATES)
    def state(self, alert: Alert) -> str:
        if alert.resolved_at:
            return "over"
        return "taken on" if alert.acknowledged_at else "open"

    @display(description="told")
    def told(self, alert: Alert) -> str | SafeString:
        lines = [
            (Way(each.way).label, Occasion(each.occasion).label.lower(), _outcome(each))
            for each in alert.tellings.order_by("owed_at", "way")
        ]
        return format_html_join("", "<div>{}, {}: {}</div>", lines) if lines else "Nobody yet, beside this page."

    @admin.action(description="Acknowledge", permissions=["acknowledge"])
    def take_on(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        for alert in queryset:
            self._acknowledge(request, alert, note="")
        self.message_user(request, "They are yours: nobody is reminded of them any more.")

    @action(description="Acknowledge", url_path="acknowledge", permissions=["acknowledge"], icon="task_alt")
    def acknowledge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        alert: Alert | None = self.get_object(request, object_id)
        if alert is None:
            raise Http404
        if request.method != "POST":
            context = {"title": "Acknowledge", "alert": alert, "kind": Kind(alert.kind), "opts": self.opts}
            return TemplateResponse(request, "admin/alerts/acknowledge.html", self.admin_site.each_context(request) | context)
        self._acknowledge(request, alert, note=request.POST.get("note", ""))
        self.message_user(request, "It is yours: nobody is reminded of it any more.")
        return HttpResponseRedirect(reverse("admin:alerts_alert_change", args=[alert.pk]))

    def _acknowledge(self, request: HttpRequest, alert: Alert, *, note: str) -> None:
        assert isinstance(request.user, Person)  # noqa: S101 - the admin lets nobody else in
        acknowledging.acknowledge(alert, by=request.user, note=note, at=timezone.now())
        self.log_change(request, alert, "Acknowledged.")


def _outcome(telling: Any) -> str:
    if telling.told_at:
        return f"{telling.told_at:%d %B %H:%M:%S}"
    if telling.given_up_at:
        return f"given up ({telling.error})"
    return f"tried {telling.tries} times, {telling.error}; again at {telling.due_at:%H:%M:%S}" if telling.tries else "on its way"
