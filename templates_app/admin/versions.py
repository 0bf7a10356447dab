"""Versions: the list, which is the review queue too, and the author's form."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince

from accounts.desk import display
from accounts.refusals import Refusal
from templates_app import claims, sheets, writing
from templates_app.admin.registrations import AtProvidersDesk
from templates_app.admin.reviewing import person, review_url
from templates_app.choices import VersionStatus
from templates_app.forms import DraftForm
from templates_app.models import TemplateVersion
from templates_app.moves import EDITABLE

LABELS: dict[str, str] = {
    VersionStatus.DRAFT: "info",
    VersionStatus.IN_REVIEW: "warning",
    VersionStatus.CHANGES_REQUESTED: "warning",
    VersionStatus.APPROVED: "success",
    VersionStatus.REJECTED: "danger",
    VersionStatus.LIVE: "success",
    VersionStatus.PAUSED: "danger",
}


LATE = timedelta(hours=24)
"""What waits longer is shown in another colour."""


class Claimed(admin.SimpleListFilter):
    """Whose review it is."""

    title = "claim"
    parameter_name = "claim"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("mine", "Claimed by me"), ("free", "Not claimed"), ("others", "Claimed by others")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        held = Q(claimed_at__gt=timezone.now() - claims.LASTS)
        mine = Q(claimed_by=request.user.pk)
        wanted = {"mine": held & mine, "free": ~held, "others": held & ~mine}.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(wanted, status=VersionStatus.IN_REVIEW)


@admin.register(TemplateVersion)
class VersionDesk(AtProvidersDesk):
    form = DraftForm
    business_path = "template__business"
    list_display = ("name", "number", "language", "status_shown", "waits", "claimant", "written_by", "reviewer", "category")
    list_display_links = ("name",)
    list_filter = ("template__business", "status", Claimed, "template__category", "language")
    list_select_related = ("template", "author", "author_key", "reviewer", "claimed_by")
    search_fields = ("template__name",)
    actions = None
    save_as = False
    fieldsets = (
        (None, {"fields": ("template", "language", "variables")}),
        (
            "WhatsApp",
            {
                "fields": (
                    *(
                        "whatsapp_header_format",
                        "whatsapp_header",
                        "whatsapp_body",
                        "whatsapp_footer",
                        "whatsapp_buttons",
                        "whatsapp_twilio",
                    ),
                    *("is_one_time_code", "has_warning", "code_minutes"),
                )
            },
        ),
        ("SMS", {"fields": ("sms_text", "sms_plain")}),
        ("E-mail", {"fields": ("email_subject", "email_text", "email_html")}),
    )

    class Media:
        css = {"all": ["qsura/tones.css", "qsura/review.css"]}
        js = ("qsura/review.js",)

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """The queue is worked off from its oldest; everything else is read from the newest."""
        is_queue = request.GET.get("status__exact") == VersionStatus.IN_REVIEW
        return ("submitted_at",) if is_queue else ("-pk",)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("template",) if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Only while it is a draft, only by its author, and only where the form holds all of it."""
        allowed: bool = super().has_change_permission(request, obj)
        if not isinstance(obj, TemplateVersion):
            return allowed
        is_own = obj.author_id in {None, request.user.pk}
        return bool(allowed and is_own and obj.status in EDITABLE and sheets.fits(obj.content, variables=obj.variables))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @display(description="template", ordering="template__name")
    def name(self, version: TemplateVersion) -> str:
        return version.template.name

    @display(description="status", label=dict[str, str](LABELS), ordering="status")
    def status_shown(self, version: TemplateVersion) -> tuple[str, str]:
        return version.status, version.get_status_display()

    @display(description="submitted", ordering="submitted_at", label={"late": "danger", "waiting": "info", "done": ""})
    def waits(self, version: TemplateVersion) -> tuple[str, str] | None:
        if version.submitted_at is None:
            return None
        age = timesince(version.submitted_at, depth=1)
        if version.status != VersionStatus.IN_REVIEW:
            return "done", f"{age} ago"
        return "late" if timezone.now() - version.submitted_at > LATE else "waiting", f"waits {age}"

    @display(description="claim")
    def claimant(self, version: TemplateVersion) -> str:
        return str(claims.holder(version, at=timezone.now()) or "-")

    @display(description="author")
    def written_by(self, version: TemplateVersion) -> str:
        return str(version.author or f"API key {version.author_key.name if version.author_key else ''}")

    @display(description="category", ordering="template__category")
    def category(self, version: TemplateVersion) -> str:
        return version.template.get_category_display()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new draft begins as the template's newest version in that language, or in any."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        newest = self.get_queryset(request).filter(template_id=_uuid(initial.get("template"))).order_by("-number").first()
        if newest is not None and sheets.fits(newest.content, variables=newest.variables):
            initial = {"language": newest.language, **sheets.read(newest.content, variables=newest.variables), **initial}
        return initial

    def save_model(self, request: HttpRequest, obj: TemplateVersion, form: DraftForm, change: bool) -> None:
        words = {
            "language": form.cleaned_data["language"],
            "content": form.cleaned_data["content"],
            "variables": form.cleaned_data["declared"],
        }
        if change:
            writing.change(obj, author=person(request), **words)
            return
        obj.pk = writing.draft(obj.template, author=person(request), **words).pk
        obj._state.adding = False
        obj.refresh_from_db()

    def response_add(self, request: HttpRequest, obj: TemplateVersion, post_url_continue: str | None = None) -> HttpResponse:
        return self._written(request, obj, super().response_add(request, obj, post_url_continue))

    def response_change(self, request: HttpRequest, obj: TemplateVersion) -> HttpResponse:
        return self._written(request, obj, super().response_change(request, obj))

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        """The author's form where this person may write; else the page on which the version is judged."""
        version = self.get_object(request, object_id) if object_id else None
        if version is not None and self.has_view_permission(request, version) and not self.has_change_permission(request, version):
            return HttpResponseRedirect(review_url(version))
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Refusal as refusal:
            self.message_user(request, refusal.detail, messages.ERROR)
            return HttpResponseRedirect(review_url(version) if version else reverse("admin:templates_app_templateversion_changelist"))

    def _written(self, request: HttpRequest, obj: TemplateVersion, response: HttpResponse) -> HttpResponse:
        return response if "_continue" in request.POST or "_addanother" in request.POST else HttpResponseRedirect(review_url(obj))


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None
