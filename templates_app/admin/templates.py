"""Templates, each with its versions."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Count, Model, Prefetch, Q, QuerySet
from django.db.models import Field as DbField
from django.forms import Field
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.desk import action, display
from templates_app.admin.adoption import AdoptionDesk
from templates_app.choices import VersionStatus
from templates_app.models import Template, TemplateVersion

_FIXED = ("business", "name", "category")


@admin.register(Template)
class TemplateDesk(AdoptionDesk):
    list_display = ("name", "category", "live_in", "waiting", "description", "business")
    list_filter = ("business", "category")
    list_select_related = ("business",)
    search_fields = ("name", "description")
    ordering = ("name",)
    actions = None
    actions_detail = ("draft", "export")

    class Media:
        css = {"all": ["qsura/tones.css", "qsura/review.css", "qsura/exchange.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        live = Prefetch("versions", queryset=TemplateVersion.objects.live().order_by("language"), to_attr="live")
        in_review = Count("versions", filter=Q(versions__status=VersionStatus.IN_REVIEW))
        rows: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = rows.annotate(in_review=in_review).prefetch_related(live)
        return counted

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return (*_FIXED, "description", "tags", "all_versions") if obj else (*_FIXED, "description", "tags")

    def formfield_for_dbfield(self, db_field: DbField[Any, Any], request: HttpRequest, **kwargs: Any) -> Field | None:
        """Tags are a line of words, no page of text."""
        more = {"widget": UnfoldAdminTextInputWidget} if db_field.name == "tags" else {}
        return super().formfield_for_dbfield(db_field, request, **kwargs | more)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """Reviewers judge a version by its template's name and category: from the first submission on they stand still."""
        if obj is None:
            return ()
        was_submitted = TemplateVersion.objects.filter(template_id=obj.pk).exclude(status=VersionStatus.DRAFT).exists()
        return (*_FIXED, "all_versions") if was_submitted else ("business", "all_versions")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Messages name the template that they were made of."""
        return False

    @display(description="live in")
    def live_in(self, template: Any) -> str:
        return ", ".join(f"{each.language} (v{each.number})" for each in template.live) or "-"

    @display(description="in review", label=True)
    def waiting(self, template: Any) -> str | None:
        return str(template.in_review) if template.in_review else None

    @display(description="versions")
    def all_versions(self, template: Template) -> str:
        rows = template.versions.select_related("author", "author_key", "reviewer").order_by("-number")[:50]
        return render_to_string("templates_app/versions.html", {"rows": rows})

    @action(description="Write a draft", url_path="draft", permissions=["add_version"], icon="edit_note")
    def draft(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The author's form, with the newest words."""
        return HttpResponseRedirect(f"{reverse('admin:templates_app_templateversion_add')}?{urlencode({'template': object_id})}")

    def has_add_version_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("templates_app.add_templateversion")
