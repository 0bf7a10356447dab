"""The pages by which templates leave as files and come in from files: look first, then take."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from accounts.desk import Desk, action, business_of
from accounts.models import Business
from accounts.refusals import FieldError, NotFound, Refusal
from templates_app import bundles, differences, exporting, files, importing
from templates_app.admin.reviewing import person
from templates_app.bundles import Upload
from templates_app.files import UnreadableFile
from templates_app.importing import Difference, Outcome, Plan, Step

_RIGHTS = ("templates_app.add_template", "templates_app.add_templateversion")
_LIST = "admin:templates_app_template_changelist"


@dataclass(frozen=True, slots=True)
class Look:
    """One file as the page shows it: what it would do, or why it is refused."""

    name: str
    plan: Plan | None
    detail: str = ""
    errors: tuple[FieldError, ...] = ()

    @property
    def changes(self) -> bool:
        return self.plan is not None and any(step.outcome == Outcome.DRAFTED for step in self.plan.steps)

    def steps(self) -> Iterator[tuple[Step, list[tuple[Difference, tuple[differences.Piece, ...]]]]]:
        """Each language with its differences, word by word; of a first version the texts alone."""
        for step in self.plan.steps if self.plan else ():
            shown = [each for each in step.differences if step.against or _is_text(each.field)]
            yield step, [(each, differences.diff(each.before or "", each.after or "")) for each in shown]


class ManyFiles(forms.ClearableFileInput):
    """A box for more than one file."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """One upload or several, as (name, content)."""

    widget = ManyFiles

    def clean(self, data: Any, initial: Any = None) -> list[tuple[str, bytes]]:
        given = [super(FilesField, self).clean(each, initial) for each in data or [None]]
        if sum(each.size for each in given) > bundles.LARGEST:
            raise forms.ValidationError(f"{bundles.LARGEST} bytes can be taken at once. Take some of them.", code="too_large")
        return [(str(each.name), each.read()) for each in given]


class LookForm(forms.Form):
    """Which files, and whose templates they become."""

    business = forms.ModelChoiceField(Business.objects.order_by("name"))
    uploads = FilesField(
        label="Files",
        widget=ManyFiles(attrs={"accept": ".json,.zip"}),
        allow_empty_file=True,
        help_text="Files of templates (.json), or a zip of some.",
    )

    def __init__(self, *args: Any, own: UUID | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if own is not None:
            del self.fields["business"]


class ExchangeDesk(Desk):
    """A desk of templates that can be exported, one or all, and imported."""

    actions_list: tuple[str, ...] = ("import_files", "export_all")

    @action(description="Export", url_path="export", permissions=["view"], icon="download")
    def export(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """One template's file."""
        template = self.get_queryset(request).filter(pk=object_id).first()
        try:
            if template is None:
                raise NotFound("There is no such template.")
            file = exporting.one(template.business_id, template.name)
        except NotFound as refusal:
            self.message_user(request, refusal.detail, messages.ERROR)
            return HttpResponseRedirect(reverse(_LIST))
        return _attached(files.dump(file).encode(), name=bundles.name_of(file["name"]), kind="application/json")

    @action(description="Export all", url_path="export-all", permissions=["view"], icon="download")
    def export_all(self, request: HttpRequest) -> HttpResponse:
        """A zip with a folder for each business that this person sees."""
        own = business_of(request)
        businesses = Business.objects.filter(**({"pk": own} if own else {})).order_by("slug")
        told = [(business.slug, file) for business in businesses for file in exporting.export(business.pk)]
        return _attached(bundles.pack(told), name="templates.zip", kind="application/zip")

    @action(description="Import files", url_path="import", permissions=["import_files"], icon="upload")
    def import_files(self, request: HttpRequest) -> HttpResponse:
        """First which files, then what they would change, then their drafts."""
        own = business_of(request)
        if "texts" in request.POST:
            return self._take(request, own)
        form = LookForm(request.POST, request.FILES, own=own) if request.method == "POST" else LookForm(own=own)
        if not form.is_valid():
            return self._page(request, {"form": form})
        try:
            uploads = bundles.unpack(form.cleaned_data["uploads"])
        except UnreadableFile as refusal:
            form.add_error("uploads", refusal.detail)
            return self._page(request, {"form": form})
        business_id = own or form.cleaned_data["business"].pk
        looks = [_look(business_id, each) for each in uploads]
        texts = json.dumps([[each.name, each.text] for each in uploads])
        return self._page(request, {"looks": looks, "texts": texts, "business_id": business_id, "can_take": any(e.changes for e in looks)})

    def has_import_files_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perms(_RIGHTS)

    def _take(self, request: HttpRequest, own: UUID | None) -> HttpResponse:
        try:
            business_id, uploads = own or _chosen(request), _uploads(request.POST["texts"])
        except Refusal as refusal:
            self.message_user(request, refusal.detail, messages.ERROR)
            return HttpResponseRedirect(request.path)
        for each in uploads:
            try:
                plan = importing.carry_out(
                    business_id,
                    files.load(each.text),
                    source=each.name,
                    by=person(request),
                    is_submitted="submit" in request.POST,
                    at=timezone.now(),
                )
                self.message_user(request, f"{each.name}: {_words(plan)}.")
            except Refusal as refusal:
                self.message_user(request, f"{each.name}: {refusal.detail}", messages.ERROR)
        return HttpResponseRedirect(reverse(_LIST))

    def _page(self, request: HttpRequest, more: dict[str, Any]) -> HttpResponse:
        context = self.admin_site.each_context(request) | {"title": "Import templates", "opts": self.opts, "media": self.media, **more}
        return TemplateResponse(request, "templates_app/import.html", context)


def _is_text(field: str) -> bool:
    return field.startswith("content.") and not field.endswith((".type", ".format"))


def _look(business_id: UUID, upload: Upload) -> Look:
    try:
        return Look(upload.name, importing.plan(business_id, files.load(upload.text)))
    except Refusal as refusal:
        return Look(upload.name, None, refusal.detail, refusal.errors)


def _chosen(request: HttpRequest) -> UUID:
    """The business that staff of the platform chose on the page before. Raises NotFound."""
    try:
        return Business.objects.get(pk=UUID(request.POST.get("business", ""))).pk
    except (ValueError, Business.DoesNotExist) as error:
        raise NotFound("There is no such business.") from error


def _uploads(texts: str) -> list[Upload]:
    """What the page has carried from the look to the taking; it is read as strictly as what was uploaded."""
    try:
        return [Upload(str(name), str(text)) for name, text in json.loads(texts)]
    except (ValueError, TypeError) as error:
        raise UnreadableFile("Choose the files again.") from error


def _words(plan: Plan) -> str:
    drafted = [f"{step.language} (version {step.number})" for step in plan.steps if step.outcome == Outcome.DRAFTED]
    return f"drafted in {', '.join(drafted)}" if drafted else "every language says this already"


def _attached(content: bytes, *, name: str, kind: str) -> HttpResponse:
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
