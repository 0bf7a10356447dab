"""Provider accounts: made for a provider, given secrets that nobody sees again, taken in and out of service."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from accounts.choices import Mode
from accounts.desk import Desk, action, business_of, display
from routing import binds, connecting, credentials, health, rotating, states, trying
from routing.admin.healths import Healths
from routing.connecting import NotConnected
from routing.credentials import Unusable
from routing.forms import FORGET, OVERLAP, SECRET, SETTING, AccountForm, TryForm, account_form
from routing.models import ProviderAccount
from routing.providers import registry
from routing.providers.base import Adapter

_FIXED = ("business", "mode", "provider")
"""Never changed once made: the account would be another one under the same callback URL."""


@admin.register(ProviderAccount)
class ProviderAccountDesk(Healths, Desk):
    list_display = ("name", "provider", "mode_shown", "business", "state", "health", "health_told")
    list_filter = ("business", "provider", "mode", "is_in_service")
    list_select_related = ("business",)
    search_fields = ("name",)
    actions_detail = ("take_out", "put_back", "connect", "try_out", "reset_health", "hold", "release")
    _told = ("state", "because", "connections", "out_of_service_at", "callback_url", "created_at")
    _healths = ("health_told", "share_told", "changes_told")
    _receipts = ("receipt_sources", "previous_secrets")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return states.with_figures(super().get_queryset(request), at=timezone.now())

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Messages and published routes name it: it is taken out of service, never removed."""
        return False

    # The form

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if self._adapter(request, None) is None and self.has_add_permission(request):
            context = {"title": "Whose account is it?", "providers": registry.ADAPTERS.values(), "opts": self.opts}
            return TemplateResponse(request, "admin/routing/choose_provider.html", self.admin_site.each_context(request) | context)
        page: HttpResponse = super().add_view(request, form_url, extra_context)
        return page

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """The stand-ins are there already: who makes an account has one at a provider."""
        return {"mode": Mode.LIVE} | super().get_changeform_initial_data(request)

    def get_form(self, request: HttpRequest, obj: ProviderAccount | None = None, change: bool = False, **kwargs: Any) -> type[AccountForm]:
        kwargs["form"] = account_form(self._adapter(request, obj), obj)
        made: type[AccountForm] = super().get_form(request, obj, change, **kwargs)
        return made

    def get_fieldsets(self, request: HttpRequest, obj: ProviderAccount | None = None) -> list[tuple[str | None, dict[str, Any]]]:
        adapter = self._adapter(request, obj)
        is_kept = adapter is not None and adapter.name in registry.IN_SESSIONS
        own = ("name", "business", "mode", "max_in_flight", "rate", "burst", "daily_cap", *(() if is_kept else ("base_url",)))
        receipts = () if is_kept else self._receipts
        told = tuple(name for name in self._told if name != ("callback_url" if is_kept else "connections"))
        if obj is not None and not self.has_change_permission(request, obj):
            own_words = (*own, *receipts, *told, *self._healths)
            return [(None, {"fields": own_words}), ("At the provider", {"fields": ("settings",)})]
        fields = account_form(adapter, obj).base_fields
        sets: list[tuple[str | None, dict[str, Any]]] = [
            (None, {"fields": ("provider", *own) if obj else own}),
            ("At the provider", {"fields": [name for name in fields if name.startswith(SETTING)]}),
            ("Secrets", {"fields": [name for name in fields if name.startswith((SECRET, FORGET, OVERLAP))]}),
            ("Receipts", {"fields": receipts if obj else receipts[:1]}),
            ("How it stands", {"fields": told if obj else ()}),
            ("Health", {"fields": self._healths if obj else ()}),
        ]
        return [each for each in sets if each[1]["fields"]]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return (*_FIXED, "previous_secrets", *self._told, *self._healths) if obj else ()

    def _adapter(self, request: HttpRequest, row: ProviderAccount | None) -> Adapter | None:
        return registry.ADAPTERS.get(row.provider if row else request.GET.get("provider", ""))

    def save_model(self, request: HttpRequest, obj: ProviderAccount, form: Any, change: bool) -> None:
        if form.adapter is not None:
            obj.provider = form.adapter.name
        if not change and business_of(request) is not None:
            obj.business_id = business_of(request)  # staff of one business make no accounts for all
        if obj.mode == Mode.LIVE:
            rotating.replace(obj, form.secrets(), overlap=form.overlap(), at=timezone.now())
        super().save_model(request, obj, form, change)
        credentials.forget()

    # How it stands

    @display(description="mode", label={"live": "success", "test": "info"})
    def mode_shown(self, row: ProviderAccount) -> str:
        return row.mode

    @display(description="state", label={"in service": "success", "out of service": "danger", "can't be used": "danger"})
    def state(self, row: ProviderAccount) -> str:
        if not row.is_in_service:
            return "out of service"
        return "can't be used" if self._obstacle(row) else "in service"

    @display(description="because")
    def because(self, row: ProviderAccount) -> str:
        return row.out_of_service_because if not row.is_in_service else self._obstacle(row)

    def _obstacle(self, row: ProviderAccount) -> str:
        try:
            credentials.open_account(row)
        except Unusable as problem:
            return str(problem)
        return ""

    @display(description="secrets from before")
    def previous_secrets(self, row: ProviderAccount) -> str:
        if row.previous_until is None:
            return ""
        return f"count beside the present ones until {row.previous_until:%d %B %Y %H:%M} UTC, and are erased then"

    @display(description="connections")
    def connections(self, row: ProviderAccount) -> str:
        return binds.tell(row, at=timezone.now()) if row.is_in_service else "none: it is out of service"

    @display(description="callback URL")
    def callback_url(self, row: ProviderAccount) -> str:
        return render_to_string("admin/routing/callback_url.html", {"url": credentials.callback_url(row)})

    # Deeds

    def has_switch_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Another business's account is left to the deed, which doesn't find it."""
        may: bool = self.has_change_permission(request)
        return may

    def offers(self, deed: str, row: ProviderAccount) -> bool:
        return {"take_out": row.is_in_service, "put_back": not row.is_in_service}.get(deed, True)

    @action(description="Take out of service", url_path="take-out", permissions=["switch"], icon="pause_circle")
    def take_out(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self._row(request, object_id)
        if not row.is_in_service:
            return self._already(request, row, "It is out of service already.")
        because = request.POST.get("reason", "").strip()
        if request.method != "POST" or not because:
            question = "No new plan will use it, and what waits for it goes by another account, or waits."
            return self._ask(request, row, title=f"Take {row.name} out of service", question=question, asks_reason=True)
        health.out_of_service(row.pk, because=because, at=timezone.now())
        return self._done(request, row, f"Taken out of service: {because}")

    @action(description="Put back in service", url_path="put-back", permissions=["switch"], icon="play_circle")
    def put_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self._row(request, object_id)
        if row.is_in_service:
            return self._already(request, row, "It is in service already.")
        if request.method != "POST":
            return self._ask(
                request, row, title=f"Put {row.name} back in service", question="New plans will use it, and what waits for it is sent."
            )
        health.back_in_service(row.pk, at=timezone.now())
        return self._done(request, row, "Put back in service.")

    def has_connect_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Receipts that come over a connection need no URL."""
        row = self.get_object(request, object_id) if object_id else None
        return self.has_change_permission(request) and (row is None or row.provider not in registry.IN_SESSIONS)

    @action(description="Connect receipts", url_path="connect", permissions=["connect"], icon="link")
    def connect(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self._row(request, object_id)
        if request.method != "POST":
            return self._ask(
                request, row, title=f"Connect {row.name}", question="The provider is told to send receipts to this account's own URL."
            )
        try:
            url = connecting.connect(row)
        except (NotConnected, Unusable) as problem:
            self.message_user(request, str(problem), messages.ERROR)
            return HttpResponseRedirect(self._page(row))
        return self._done(request, row, f"Receipts now come to {url}.")

    def has_try_out_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Where staff have described the API themselves."""
        row = self.get_object(request, object_id) if object_id else None
        adapter = self._adapter(request, row)
        return self.has_view_permission(request) and (row is None or (adapter is not None and "configuration" in adapter.setting_fields))

    @action(description="Try it", url_path="try", permissions=["try_out"], icon="science")
    def try_out(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self._row(request, object_id)
        form = TryForm(request.POST or None, channels=registry.get(row.provider).channels)
        context: dict[str, Any] = {"title": f"Try {row.name}", "form": form, "back": self._page(row), "opts": self.opts}
        if form.is_valid():
            try:
                tried = trying.try_out(row, form.sample(), at=timezone.now())
                context |= {"tried": tried, "body": tried.call.body.decode() if tried.call else ""}
            except Unusable as problem:
                context["obstacle"] = str(problem)
        return TemplateResponse(request, "admin/routing/try.html", self.admin_site.each_context(request) | context)

    def _row(self, request: HttpRequest, object_id: str) -> ProviderAccount:
        row: ProviderAccount | None = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return row

    def _ask(self, request: HttpRequest, row: ProviderAccount, *, title: str, question: str, asks_reason: bool = False) -> HttpResponse:
        context = {"title": title, "question": question, "asks_reason": asks_reason, "back": self._page(row), "opts": self.opts}
        return TemplateResponse(request, "admin/routing/ask.html", self.admin_site.each_context(request) | context)

    def _done(self, request: HttpRequest, row: ProviderAccount, what: str) -> HttpResponse:
        self.log_change(request, row, what)
        self.message_user(request, what)
        return HttpResponseRedirect(self._page(row))

    def _already(self, request: HttpRequest, row: ProviderAccount, what: str) -> HttpResponse:
        """Somebody did it before, or this is the same person's second click."""
        self.message_user(request, what, messages.INFO)
        return HttpResponseRedirect(self._page(row))

    def _page(self, row: ProviderAccount) -> str:
        return reverse("admin:routing_provideraccount_change", args=[row.pk])
