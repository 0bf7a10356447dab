"""Suppressions in the admin: searched by the recipient, added, and lifted with a reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.paginator import InfinitePaginator

from accounts.desk import action, display
from messaging import filters, searching
from messaging.doors.exchange import ExchangeDesk
from messaging.doors.forms import LiftForm, SuppressionForm
from messaging.models import Suppression
from messaging.suppressions import keeping, lifting, showing

_WHERE = ("mode_or_both", "channel_or_all", "category_or_all")


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("in_force", "In force"), ("over", "Over")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        holds = Q(Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now()), lifted_at__isnull=True)
        match self.value():
            case "in_force":
                return queryset.filter(holds)
            case "over":
                return queryset.exclude(holds)
        return queryset


@admin.register(Suppression)
class SuppressionDesk(ExchangeDesk):
    form = SuppressionForm
    change_list_template = "messaging/messages.html"
    search_label = "Recipient, exactly"
    list_display = ("masked", "state", "reason", *_WHERE, "origin", "source", "business", "created_at")
    list_filter = (filters.RecipientFilter, StateFilter, "reason", "origin", "channel", "category", "mode", "business")
    list_select_related = ("business",)
    ordering = ("-id",)
    paginator = InfinitePaginator
    actions = None
    actions_detail = ("lift",)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """An existing one shows its recipient in part; its history is whole."""
        said = ("mode", "channel", "category", "reason")
        if obj is None:
            return ("business", "recipient", *said, "source", "expires_at")
        history = ("origin", "source", "shown_by", "created_at", "expires_at", "lifted_at", "lifted_by", "lifted_because")
        return ("masked", "business", *said, *history)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return () if obj is None else self.get_fields(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """It is lifted, never changed and never removed: that somebody was once not to be written to stays known."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_lift_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        return bool(super().has_change_permission(request))

    @display(description="recipient")
    def masked(self, suppression: Suppression) -> str:
        """In part; where nobody gave it, enough of the hash to tell two apart."""
        return showing.masked(suppression) or bytes(suppression.recipient_hash).hex()[:12]

    @display(description="evidence")
    def shown_by(self, suppression: Suppression) -> str:
        return ", ".join(f"{name}: {value}" for name, value in (suppression.evidence or {}).items() if value is not None) or "none"

    @display(description="mode")
    def mode_or_both(self, suppression: Suppression) -> str:
        return suppression.get_mode_display() if suppression.mode else "both worlds"

    @display(description="state", label={"in force": "danger", "over": "success"})
    def state(self, suppression: Suppression) -> str:
        return "in force" if _is_in_force(suppression) else "over"

    @display(description="channel")
    def channel_or_all(self, suppression: Suppression) -> str:
        return suppression.get_channel_display() if suppression.channel else "every channel"

    @display(description="category")
    def category_or_all(self, suppression: Suppression) -> str:
        return suppression.category or "every category"

    def where(self, request: HttpRequest, text: str) -> str:
        hashed = searching.hash_of(text)
        if hashed is None and text.strip():
            self.message_user(request, "Write a number in E.164, such as +201001234567, or an e-mail address.", messages.WARNING)
        return self.list_of(recipient_hash=hashed.hex()) if hashed else self.list_of()

    def save_model(self, request: HttpRequest, obj: Suppression, form: SuppressionForm, change: bool) -> None:
        """One call of the deed; what waits for the recipient is canceled with it."""
        if form.wanted is not None:
            wanted = replace(form.wanted, source=obj.source or request.user.get_username())
            (kept,) = keeping.add([wanted], at=timezone.now())
            obj.pk = kept.id
            obj.refresh_from_db()

    @action(description="Lift", url_path="lift", permissions=["lift"], icon="lock_open")
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        suppression: Suppression | None = self.get_object(request, object_id)
        address = self.list_of()
        if suppression is None or not _is_in_force(suppression):
            self.message_user(request, "It is not in force.", messages.WARNING)
            return HttpResponseRedirect(address)
        form = LiftForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            context = self.admin_site.each_context(request) | {"title": "Lift", "opts": self.opts, "original": suppression, "form": form}
            return TemplateResponse(request, "messaging/lift.html", context)
        because = form.cleaned_data["because"]
        lifting.lift(suppression, by=request.user.get_username(), because=because, at=timezone.now())
        self.log_change(request, suppression, "Lifted: the recipient may be written to again.")
        self.message_user(request, "Lifted: the recipient may be written to again.")
        return HttpResponseRedirect(address)


def _is_in_force(suppression: Suppression) -> bool:
    return suppression.lifted_at is None and (suppression.expires_at is None or suppression.expires_at > timezone.now())
