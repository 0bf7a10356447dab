"""At the providers: how versions stand there, what was said of them, and asking again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.choices import Role
from accounts.desk import ReadOnlyDesk, display
from templates_app import asking
from templates_app.admin.reviewing import ReviewDesk, person, review_url
from templates_app.asking import Unanswered
from templates_app.choices import RegistrationStatus
from templates_app.hearing import Known
from templates_app.models import Registration, TemplateVersion

TONES: Mapping[str, str] = {
    RegistrationStatus.OWED: "plain",
    RegistrationStatus.PENDING: "moving",
    RegistrationStatus.APPROVED: "good",
    RegistrationStatus.PAUSED: "care",
    RegistrationStatus.REJECTED: "bad",
    RegistrationStatus.DISABLED: "bad",
    RegistrationStatus.GONE: "bad",
}
QUALITIES: Mapping[str, str] = {"green": "good", "yellow": "care", "red": "bad"}
LABELS: Mapping[str, str] = {
    "owed": "info",
    "pending": "info",
    "approved": "success",
    "paused": "warning",
    "rejected": "danger",
    "disabled": "danger",
    "gone": "danger",
}
_MAY_ASK = {Role.APPROVER.value, Role.OPERATOR.value}


@dataclass(frozen=True, slots=True)
class Line:
    """One registration as the panel shows it."""

    row: Registration
    known: Known
    tone: str
    quality_tone: str
    deed: str
    """What the button does: submit, submit again, or look."""
    word: str
    """The provider's status word that no table knows, while it is the newest."""


def panel(version: TemplateVersion) -> list[Line]:
    """How the version stands at each account, by the account's name."""
    rows = version.registrations.select_related("account").order_by("account__name")
    return [_line(row) for row in rows]


def may_ask(request: HttpRequest) -> bool:
    return request.user.is_superuser or bool(_MAY_ASK & set(person(request).roles()))


def _line(row: Registration) -> Line:
    known = row.known()
    is_newest = known.unknown is not None and (known.standing is None or known.unknown.at >= known.standing.at)
    return Line(
        row=row,
        known=known,
        tone=TONES[row.status],
        quality_tone=QUALITIES.get(row.quality, "plain"),
        deed=_deed(row),
        word=row.unknown_word if is_newest else "",
    )


def _deed(row: Registration) -> str:
    if row.status == RegistrationStatus.OWED:
        return "Submit now"
    if row.status in (RegistrationStatus.REJECTED, RegistrationStatus.GONE) or row.differs:
        return "Submit again"
    return "Look now"


class AtProvidersDesk(ReviewDesk):
    """The panel's button, at `<version>/providers/<registration>/`."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.ask))
        here = path("<uuid:version>/providers/<uuid:registration>/", view, name="templates_app_templateversion_ask")
        return [here, *super().get_urls()]

    def more(self, request: HttpRequest, version: TemplateVersion) -> dict[str, Any]:
        return {**super().more(request, version), "providers": panel(version), "may_ask": may_ask(request)}

    def ask(self, request: HttpRequest, version: Any, registration: Any) -> HttpResponse:
        """Submit it, or look at it, now."""
        found = self.find(request, version)
        if not may_ask(request):
            raise PermissionDenied
        row = found.registrations.select_related("version__template__business", "account").filter(pk=registration).first()
        if row is None:
            raise Http404
        try:
            asking.again(row, at=timezone.now())
        except Unanswered as trouble:
            self.message_user(request, str(trouble), messages.ERROR)
        else:
            row.refresh_from_db()
            self.log_change(request, found, f"Asked {row.account.name} about it: {row.get_status_display().lower()}.")
            self.message_user(request, f"At {row.account.name} it is {row.get_status_display().lower()}.")
        return HttpResponseRedirect(f"{review_url(found)}#at-providers")


@admin.register(Registration)
class RegistrationDesk(ReadOnlyDesk):
    business_path = "version__template__business"
    list_display = ("template", "account", "status_shown", "word", "reason", "quality", "category", "checked_at")
    list_filter = ("version__template__business", "status", "quality", "account__provider")
    list_select_related = ("version__template", "account")
    search_fields = ("name", "provider_id", "version__template__name")
    ordering = ("-created_at",)
    fields = (
        *("version_link", "account", "name", "language", "provider_id", "status", "raw_status", "status_at", "reason", "pause"),
        *("category", "quality", "differs", "unknown_word", "submitted_at", "checked_at", "due_at", "problem", "history"),
    )
    readonly_fields = fields

    class Media:
        css = {"all": ["qsura/tones.css", "qsura/review.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related("version__template", "account")

    @display(description="template", ordering="version__template__name")
    def template(self, row: Registration) -> str:
        return str(row.version)

    @display(description="status", label=dict[str, str](LABELS), ordering="status")
    def status_shown(self, row: Registration) -> tuple[str, str]:
        return row.status, row.get_status_display()

    @display(description="provider's word")
    def word(self, row: Registration) -> str:
        return f"{row.unknown_word} (unknown)" if _line(row).word else row.raw_status

    @display(description="version")
    def version_link(self, row: Registration) -> str:
        return render_to_string("templates_app/link.html", {"url": review_url(row.version), "text": str(row.version)})

    @display(description="what was said")
    def history(self, row: Registration) -> str:
        return render_to_string("templates_app/news.html", {"news": row.news.order_by("-occurred_at", "-id")[:100]})
