"""Suppressions in the admin as files: in, with the progress to be seen, and out."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import INPUT_CLASSES, UnfoldAdminSelectWidget

from accounts.choices import Mode
from accounts.desk import ReadOnlyDesk, action, business_of, display
from accounts.models import Business, Person
from accounts.refusals import Refusal
from messaging import disclosing
from messaging.doors.searched import SearchedDesk
from messaging.models import SuppressionImport
from messaging.suppressions import importing, showing

_END = ("created_at", "finished_at", "failed_because")
_JOBS = "admin:messaging_suppressionimport_changelist"


class FileForm(forms.Form):
    """Which file, and whose list it becomes."""

    business = forms.ModelChoiceField(Business.objects.order_by("name"), widget=UnfoldAdminSelectWidget)
    mode = forms.ChoiceField(
        choices=[("", "both worlds"), *Mode.choices], required=False, initial=Mode.LIVE, widget=UnfoldAdminSelectWidget
    )
    file = forms.FileField(
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv", "class": " ".join(INPUT_CLASSES)}), help_text="CSV in UTF-8, up to 20 MB."
    )

    def __init__(self, *args: Any, own: UUID | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if own is not None:
            del self.fields["business"]


class ExchangeDesk(SearchedDesk):
    """A desk of suppressions that come from files and leave as one."""

    actions_list = ("import_file", "export_file")

    def has_import_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(self.has_add_permission(request))

    @action(description="Import a file", url_path="import", permissions=["import"], icon="upload")
    def import_file(self, request: HttpRequest) -> HttpResponse:
        own = business_of(request)
        form = FileForm(request.POST, request.FILES, own=own) if request.method == "POST" else FileForm(own=own)
        if request.method == "POST" and form.is_valid():
            file, values = form.cleaned_data["file"], form.cleaned_data
            try:
                importing.begin(
                    file.read(),
                    name=str(file.name),
                    business_id=own or values["business"].pk,
                    mode=values["mode"],
                    by=request.user.get_username(),
                    at=timezone.now(),
                )
            except Refusal as refusal:
                form.add_error("file", forms.ValidationError(str(refusal), code=refusal.code))
            else:
                self.message_user(request, "The file is being taken in. Load this page again to see how far it is.")
                return HttpResponseRedirect(reverse(_JOBS))
        context = self.admin_site.each_context(request) | {"title": "Import suppressions", "opts": self.opts, "form": form}
        return TemplateResponse(request, "messaging/import_suppressions.html", context)

    @action(description="Export", url_path="export", permissions=["view"], icon="download")
    def export_file(self, request: HttpRequest) -> HttpResponseBase:
        """Whole recipients leave with it, so the same people may who may look at personal data, and it is written down first."""
        person = request.user
        if not isinstance(person, Person) or not disclosing.may(person):
            raise PermissionDenied
        if request.method != "POST":
            context = self.admin_site.each_context(request) | {"title": "Export suppressions", "opts": self.opts}
            return TemplateResponse(request, "messaging/export_suppressions.html", context)
        rows = self.get_queryset(request)
        if (first := rows.first()) is not None:
            said = "Exported suppressions with whole recipients."
            LogEntry.objects.log_actions(person.pk, [first], CHANGE, change_message=said, single_object=True)
        headers = {"Content-Disposition": 'attachment; filename="suppressions.csv"', "Cache-Control": "no-store"}
        return StreamingHttpResponse(showing.export(rows, at=timezone.now()), content_type="text/csv; charset=utf-8", headers=headers)


@admin.register(SuppressionImport)
class ImportDesk(ReadOnlyDesk):
    list_display = ("name", "business", "state", "progress", "added", "known", "wrong", "by", "created_at")
    list_select_related = ("business",)
    ordering = ("-id",)
    fields = ("name", "business", "mode", "by", "lines", "done", "added", "known", "wrong", "wrong_lines", *_END)
    readonly_fields = fields

    @display(description="state", label={"done": "success", "under way": "info", "failed": "danger"})
    def state(self, job: SuppressionImport) -> str:
        if job.failed_because:
            return "failed"
        return "done" if job.finished_at else "under way"

    @display(description="progress")
    def progress(self, job: SuppressionImport) -> str:
        return f"{100 * job.done // max(job.lines, 1)} % of {job.lines:,}"

    @display(description="wrong lines")
    def wrong_lines(self, job: SuppressionImport) -> str:
        """The first hundred."""
        return ", ".join(f"line {fault['line']}: {fault['code']}" for fault in job.faults) or "none"
