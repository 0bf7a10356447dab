"""Businesses, people and API keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import keys
from accounts.desk import Desk, action, display
from accounts.forms import ApiKeyForm
from accounts.models import ApiKey, Business, Person

OVERLAPS = {"0": "at once", "24": "after a day", "168": "after a week"}
"""Hours for which the old key works on."""

admin.site.unregister(Group)


@admin.register(Group)
class GroupDesk(GroupAdmin, Desk):
    business_path = None


@admin.register(Business)
class BusinessDesk(Desk):
    business_path = "pk"
    list_display = ("name", "slug", "is_active", "default_language", "created_at")
    search_fields = ("name", "slug")
    readonly_fields = ("created_at",)
    prepopulated_fields = {"slug": ("name",)}
    fields = ("name", "slug", "is_active", "default_language", "timezone", "callback_origins", "requests_per_minute", "created_at")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_prepopulated_fields(self, request: HttpRequest, obj: Model | None = None) -> dict[str, Any]:
        return {} if obj else dict(super().get_prepopulated_fields(request, obj))


@admin.register(Person)
class PersonDesk(UserAdmin, Desk):  # type: ignore[type-arg]  # not subscriptable at run time
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "full_name", "business", "role_names", "is_active", "last_login")
    list_filter = ("business", "groups", "is_active")
    list_select_related = ("business",)
    autocomplete_fields = ("business",)
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password", "business", "is_active")}),
        ("Who", {"fields": ("first_name", "last_name", "email")}),
        ("Rights", {"fields": ("groups", "is_staff", "is_superuser")}),
        ("When", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "business", "groups", "is_staff", "password1", "password2")}),)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """Nobody but a superuser of the platform itself hands out rights: else a right to change people would be every right."""
        times = ("last_login", "date_joined")
        return times if _is_root(request) else (*times, "business", "groups", "is_staff", "is_superuser")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_change_permission(request, obj) and (_is_root(request) or not getattr(obj, "is_superuser", False))

    @display(description="name")
    def full_name(self, person: Person) -> str:
        return person.get_full_name()

    @display(description="roles")
    def role_names(self, person: Person) -> str:
        return "superuser" if person.is_superuser else ", ".join(sorted(group.name for group in person.groups.all()))


@admin.register(ApiKey)
class ApiKeyDesk(Desk):
    form = ApiKeyForm
    list_display = ("name", "business", "state", "mode", "beginning", "last_used_at", "expires_at")
    list_filter = ("business", "mode")
    list_select_related = ("business",)
    search_fields = ("name", "prefix")
    actions_detail = ("rotate", "revoke")
    _told = ("beginning", "created_at", "last_used_at", "revoked_at", "browser_seen_at")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        fields = ("business", "name", "mode", "scopes", "expires_at", "allowed_addresses", "requests_per_minute")
        return (*fields, *self._told) if obj else fields

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("business", "mode", *self._told) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Messages name the key that sent them: it is revoked, never removed."""
        return False

    @display(description="key")
    def beginning(self, key: ApiKey) -> str:
        return f"qs_{key.mode}_{key.prefix}_..."

    @display(description="state", label={"works": "success", "revoked": "danger", "expired": "warning", "seen in a browser": "danger"})
    def state(self, key: ApiKey) -> str:
        if key.revoked_at:
            return "revoked"
        if key.expires_at and key.expires_at <= timezone.now():
            return "expired"
        return "seen in a browser" if key.browser_seen_at else "works"

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
        else:
            request.issued = keys.issue(obj)  # type: ignore[attr-defined]  # for response_add, which gets neither form nor text

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        return self._show(request, key=obj, text=request.issued)  # type: ignore[attr-defined]

    @action(description="Revoke", url_path="revoke", permissions=["change"], icon="block")
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        key = self._key(request, object_id)
        if request.method != "POST":
            return self._ask(request, key=key, deed="revoke", overlaps={})
        keys.revoke(key, at=timezone.now())
        self.log_change(request, key, "Revoked.")
        self.message_user(request, f"{key.name} is revoked: it opens nothing any more.")
        return HttpResponseRedirect(reverse("admin:accounts_apikey_change", args=[key.pk]))

    @action(description="Rotate", url_path="rotate", permissions=["change"], icon="autorenew")
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        key = self._key(request, object_id)
        hours = request.POST.get("overlap", "")
        if request.method != "POST" or hours not in OVERLAPS:
            return self._ask(request, key=key, deed="rotate", overlaps=OVERLAPS)
        made, text = keys.rotate(key, overlap=timedelta(hours=int(hours)), at=timezone.now())
        self.log_change(request, key, f"Rotated; the old key ends {OVERLAPS[hours]}.")
        self.log_addition(request, made, "Made by rotation.")
        return self._show(request, key=made, text=text)

    def _key(self, request: HttpRequest, object_id: str) -> ApiKey:
        key: ApiKey | None = self.get_object(request, object_id)
        if key is None or key.revoked_at is not None:
            raise Http404
        return key

    def _ask(self, request: HttpRequest, *, key: ApiKey, deed: str, overlaps: dict[str, str]) -> HttpResponse:
        context = {"title": f"{deed.capitalize()} {key.name}", "key": key, "deed": deed, "overlaps": overlaps, "opts": self.opts}
        return TemplateResponse(request, "admin/accounts/key_ask.html", self.admin_site.each_context(request) | context)

    def _show(self, request: HttpRequest, *, key: ApiKey, text: str) -> HttpResponse:
        """The one page that ever shows the key: the answer to the POST itself, kept nowhere."""
        context = self.admin_site.each_context(request) | {"title": "Your new API key", "key": key, "text": text, "opts": self.opts}
        return TemplateResponse(request, "admin/accounts/key_shown.html", context, headers={"Cache-Control": "no-store"})


def _is_root(request: HttpRequest) -> bool:
    person = request.user
    return isinstance(person, Person) and person.is_superuser and person.business_id is None
