"""History read again: asked for as a dry run, looked at, carried out. Progress and result stay as history."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts import ids
from accounts.desk import ReadOnlyDesk, display
from accounts.models import Person
from callbacks import rereading
from callbacks.choices import RereadingState
from callbacks.forms import RereadingForm
from callbacks.models import Rereading
from callbacks.rereading import NotTriedYet


@admin.register(Rereading)
class RereadingDesk(ReadOnlyDesk):
    business_path = "account__business"
    form = RereadingForm
    fields = ("account", "since")
    list_display = ("what", "account", "state_shown", "calls", "changes", "asked", "asked_by")
    list_select_related = ("account", "asked_by")
    list_filter = ("state",)
    sortable_by = ()
    ordering = ("-id",)

    @display(description="what")
    def what(self, asked: Rereading) -> str:
        return str(asked)

    @display(description="state", label={"waiting": "info", "running": "info", "done": "success"})
    def state_shown(self, asked: Rereading) -> str:
        return asked.state

    @display(description="asked at")
    def asked(self, asked: Rereading) -> str:
        return f"{timezone.localtime(asked.asked_at):%d %b %H:%M}"

    # Asking

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Those who keep the accounts; auditors only look."""
        return bool(request.user.has_perm("routing.change_provideraccount"))

    def save_model(self, request: HttpRequest, obj: Rereading, form: Any, change: bool) -> None:
        asked = rereading.ask(obj.account, since=obj.since, by=_person(request), at=timezone.now())
        obj.pk, obj.until, obj.asked_at = asked.pk, asked.until, asked.asked_at

    def response_add(self, request: HttpRequest, obj: Model, post_url_continue: str | None = None) -> HttpResponse:
        self.message_user(request, "The dry run begins within a second. It changes nothing.", messages.SUCCESS)
        return HttpResponseRedirect(_page(obj.pk))

    # One of them

    def get_urls(self) -> list[URLPattern]:
        carry_out = self.admin_site.admin_view(require_POST(self.carry_out))
        return [path("<path:object_id>/carry-out/", carry_out, name="callbacks_rereading_carry_out"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        asked = self._asked(request, object_id)
        messages_of = [(each, ids.parse("msg", each["message"])) for each in asked.listed]
        context = self.admin_site.each_context(request) | {
            "title": str(asked)[:1].upper() + str(asked)[1:],
            "asked": asked,
            "is_dry": asked.dry_run_id is None,
            "is_done": asked.state == RereadingState.DONE,
            "changes": [{**each, "page": reverse("admin:messaging_message_change", args=[id_])} for each, id_ in messages_of],
            "unlisted": asked.changes - len(asked.listed),
            "applied": Rereading.objects.filter(dry_run=asked).first(),
            "may_carry_out": self.has_add_permission(request),
        }
        return TemplateResponse(request, "callbacks/rereading.html", context)

    def carry_out(self, request: HttpRequest, object_id: str) -> HttpResponse:
        dry_run = self._asked(request, object_id)
        if not self.has_add_permission(request):
            raise PermissionDenied
        try:
            asked = rereading.carry_out(dry_run, by=_person(request), at=timezone.now())
        except NotTriedYet:
            self.message_user(request, "Only a dry run that has ended can be carried out, and only once.", messages.ERROR)
            return HttpResponseRedirect(_page(dry_run.pk))
        self.log_change(request, dry_run, "Carried out.")
        return HttpResponseRedirect(_page(asked.pk))

    def _asked(self, request: HttpRequest, object_id: str) -> Rereading:
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked: Rereading | None = self.get_object(request, object_id)
        if asked is None:
            raise Http404
        return asked


def _page(id_: Any) -> str:
    return reverse("admin:callbacks_rereading_change", args=[id_])


def _person(request: HttpRequest) -> Person | None:
    return request.user if isinstance(request.user, Person) else None
