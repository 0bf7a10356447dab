"""Versions of a route: drafted as JSON that is judged while writing, published with a reason, rolled back with one click."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from accounts.desk import Desk, action, display
from accounts.models import Person
from accounts.refusals import Refusal
from routing import publishing, rules, telling, trials
from routing.choices import RouteStatus
from routing.forms import DraftForm
from routing.models import RouteVersion
from routing.publishing import DoubleDelivery, NotADraft, PublishedAlready

_EXAMPLE = [
    {
        "when": [{"field": "class", "in": ["authentication", "utility"]}],
        "steps": [
            {"channel": "whatsapp", "accounts": [{"account": "name of an account", "weight": 1}], "until": "delivered", "within": 300},
            {"channel": "sms", "accounts": [{"account": "name of another", "weight": 1}]},
        ],
    }
]


@admin.register(RouteVersion)
class RouteVersionDesk(Desk):
    form = DraftForm
    business_path = "route__business"
    list_display = ("__str__", "business", "status_shown", "published_at", "reason")
    list_filter = ("route__business", "status")
    list_select_related = ("route__business",)
    search_fields = ("route__name",)
    ordering = ("-created_at",)
    actions_detail = ("publish", "roll_back")
    change_form_outer_before_template = "admin/routing/trials.html"
    _told = ("status_shown", "in_words", "doubts", "reason", "created_by", "created_at", "published_by", "published_at")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("route", "rules", "accept_double_delivery")
        is_draft = self.has_change_permission(request, obj)
        return (
            ("route", "status_shown", "changes", "in_words", "doubts", "rules", "accept_double_delivery")
            if is_draft
            else ("route", *self._told)
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("route", "changes", *self._told) if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Published versions are history: the database keeps them as they are."""
        is_open = not isinstance(obj, RouteVersion) or obj.status == RouteStatus.DRAFT
        return is_open and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_publish_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("routing.publish_routeversion")

    def has_roll_back_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("routing.publish_routeversion")

    def offers(self, deed: str, row: RouteVersion) -> bool:
        return row.status == {"publish": RouteStatus.DRAFT, "roll_back": RouteStatus.RETIRED}[deed]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """With what rooms above can do with a draft."""
        version: RouteVersion | None = self.get_object(request, object_id)
        found = [
            {"title": each.title, "icon": each.icon, "address": each.address(version.route.business_id, version.pk)}
            for each in trials.trials
            if version is not None and version.status == RouteStatus.DRAFT and request.user.has_perm(each.permission)
        ]
        page: HttpResponse = super().change_view(request, object_id, form_url, (extra_context or {}) | {"trials": found})
        return page

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new draft begins with what its route says now."""
        asked: dict[str, Any] = super().get_changeform_initial_data(request)
        published = self._published(request, str(asked.get("route", "")))
        said = {"rules": telling.in_names(published.rules), "accept_double_delivery": published.accept_double_delivery} if published else {}
        return {"rules": _EXAMPLE} | asked | said

    def _published(self, request: HttpRequest, route_id: str) -> RouteVersion | None:
        """Of the person's own business: the id comes from the address bar."""
        try:
            version: RouteVersion | None = self.get_queryset(request).filter(route_id=UUID(route_id), status=RouteStatus.PUBLISHED).first()
        except ValueError:
            return None
        return version

    def save_model(self, request: HttpRequest, obj: RouteVersion, form: Any, change: bool) -> None:
        said = {"rules": form.cleaned_data["rules"], "accept_double_delivery": form.cleaned_data["accept_double_delivery"]}
        if change:
            publishing.revise(obj, **said)
            return
        made = publishing.draft(obj.route, by=_person(request), **said)
        obj.pk, obj.number, obj.rules = made.pk, made.number, made.rules

    # What it says

    @display(description="business", ordering="route__business__name")
    def business(self, version: RouteVersion) -> str:
        return str(version.route.business)

    @display(description="status", label={"draft": "info", "published": "success", "retired": "warning"})
    def status_shown(self, version: RouteVersion) -> str:
        return version.status

    @display(description="in words")
    def in_words(self, version: RouteVersion) -> str:
        return render_to_string("admin/routing/rules.html", {"rules": telling.tell(version.rules)})

    @display(description="against what decides now")
    def changes(self, version: RouteVersion) -> str:
        published = version.route.versions.filter(status=RouteStatus.PUBLISHED).first()
        found = telling.changes(published.rules, version.rules) if published else []
        return render_to_string("admin/routing/changes.html", {"published": published, "changes": found, "version": version})

    @display(description="could arrive twice")
    def doubts(self, version: RouteVersion) -> str:
        found = publishing.double_deliveries(rules.read(version.rules))
        return render_to_string("admin/routing/doubts.html", {"doubts": [each.message for each in found]})

    # Deeds

    @action(description="Publish", url_path="publish", permissions=["publish"], icon="publish")
    def publish(self, request: HttpRequest, object_id: str) -> HttpResponse:
        version = self._version(request, object_id)
        if version.status != RouteStatus.DRAFT:
            return self._late(request, version)
        if request.method != "POST":
            return self._ask(request, version, problems=[])
        try:
            publishing.publish(version, by=_person(request), because=request.POST.get("reason", "")[:500], at=timezone.now())
        except DoubleDelivery:
            return self._ask(request, version, problems=[])  # the page says it, and how to go on
        except NotADraft:
            return self._late(request, version)  # somebody was faster
        except Refusal as refused:
            return self._ask(request, version, problems=[each.message for each in refused.errors] or [refused.detail])
        return self._done(request, version, f"{version} decides from now on.")

    @action(description="Roll back to this", url_path="roll-back", permissions=["roll_back"], icon="undo")
    def roll_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The route's page posts here with one click; a person who came by the link is asked first."""
        version = self._version(request, object_id)
        if version.status == RouteStatus.PUBLISHED:
            return self._late(request, version)
        if request.method != "POST" and version.status == RouteStatus.RETIRED:
            return self._ask(request, version, problems=[], is_back=True)
        if request.method != "POST":
            return HttpResponseRedirect(self._page(version))
        try:
            again = publishing.roll_back(version, by=_person(request), at=timezone.now())
        except PublishedAlready as already:
            self.message_user(request, already.detail, messages.INFO)
            return HttpResponseRedirect(self._route(version))
        except Refusal as refused:
            self.message_user(request, refused.detail, messages.ERROR)
            return HttpResponseRedirect(self._page(version))
        return self._done(request, again, f"{again} decides from now on; it says what version {version.number} said.")

    def _late(self, request: HttpRequest, version: RouteVersion) -> HttpResponse:
        """Somebody did it already, or this is the same person's second click."""
        is_now = version.status == RouteStatus.PUBLISHED
        self.message_user(request, "It is published already." if is_now else "It was published before: roll back to it.", messages.INFO)
        return HttpResponseRedirect(self._page(version))

    def _version(self, request: HttpRequest, object_id: str) -> RouteVersion:
        version: RouteVersion | None = self.get_object(request, object_id)
        if version is None:
            raise Http404
        return version

    def _ask(self, request: HttpRequest, version: RouteVersion, *, problems: list[str], is_back: bool = False) -> HttpResponse:
        doubts = publishing.double_deliveries(rules.read(version.rules))
        published = version.route.versions.filter(status=RouteStatus.PUBLISHED).first()
        context = {
            "published": published,
            "changes": telling.changes(published.rules, version.rules) if published else [],
            "title": f"Roll back to {version}" if is_back else f"Publish {version}",
            "version": version,
            "rules": telling.tell(version.rules),
            "doubts": [each.message for each in doubts],
            "is_blocked": bool(doubts) and not version.accept_double_delivery,
            "problems": problems,
            "is_back": is_back,
            "back": self._page(version),
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/routing/publish.html", self.admin_site.each_context(request) | context)

    def _done(self, request: HttpRequest, version: RouteVersion, what: str) -> HttpResponse:
        self.log_change(request, version, what)
        self.message_user(request, what)
        return HttpResponseRedirect(self._route(version))

    def _route(self, version: RouteVersion) -> str:
        return reverse("admin:routing_route_change", args=[version.route_id])

    def _page(self, version: RouteVersion) -> str:
        return reverse("admin:routing_routeversion_change", args=[version.pk])


def _person(request: HttpRequest) -> Person | None:
    return request.user if isinstance(request.user, Person) else None
