"""Replays for operators: how far each has come, and an end to it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from accounts import ids
from accounts.desk import ReadOnlyDesk, action, display
from callbacks import replay
from callbacks.choices import ReplayState
from callbacks.models import Replay

STATES = {"waiting": "info", "running": "warning", "done": "success", "canceled": "danger"}
_TOLD = ("public_id", "endpoint", "kind", "shown_state", "because", "percent", "looked_at", "queued", "begin", "end", "asked_by")


@admin.register(Replay)
class ReplayDesk(ReadOnlyDesk):
    business_path = "endpoint__business"
    list_display = ("short_id", "shown_state", "kind", "endpoint", "percent", "queued", "asked_by", "created_at")
    list_filter = ("state", "kind", "endpoint__mode", "endpoint__business")
    list_select_related = ("endpoint",)
    ordering = ("-id",)
    sortable_by = ()
    fields = (*_TOLD, "created_at", "started_at", "ended_at")
    actions_detail = ("cancel",)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """An endpoint's page leads to its own replays."""
        return lookup == "endpoint__id__exact" or super().lookup_allowed(lookup, value, request)

    @display(description="replay")
    def short_id(self, row: Replay) -> str:
        return f"rpl_…{row.id.hex[-8:]}"

    @display(description="id")
    def public_id(self, row: Replay) -> str:
        return ids.public("rpl", row.id)

    @display(description="state", label=STATES)
    def shown_state(self, row: Replay) -> str:
        return row.state

    @display(description="done")
    def percent(self, row: Replay) -> str:
        return f"{replay.progress(row)} %"

    def has_cancel_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("callbacks.replay_delivery"))

    @action(description="Cancel", url_path="cancel", permissions=["cancel"], icon="cancel")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row: Replay | None = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if request.method != "POST":
            question = "No more of it is queued; what is queued already is sent."
            context = {"title": "Cancel the replay", "endpoint": row.endpoint, "question": question, "opts": self.opts}
            return TemplateResponse(request, "callbacks/ask.html", self.admin_site.each_context(request) | context)
        ended = replay.cancel(row, at=timezone.now())
        self.message_user(request, "It is canceled." if ended.state == ReplayState.CANCELED else "It had ended already.", messages.INFO)
        return HttpResponseRedirect(reverse("admin:callbacks_replay_change", args=[row.pk]))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """One that has ended can't be canceled."""
        row: Replay | None = self.get_object(request, str(object_id))
        found: list[Any] = super().get_actions_detail(request, object_id)
        return found if row is not None and row.state in replay.OPEN else []

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return (*_TOLD, "created_at", "started_at", "ended_at")
