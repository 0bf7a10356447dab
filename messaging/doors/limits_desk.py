"""How much a business may send, how much it has, and what staff vouch for."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.choices import Mode
from accounts.desk import Desk, display
from messaging import counting
from routing import allowances
from routing.models import Limits, Release

_LONGEST = timedelta(days=90)

_SHOWN = (
    ("messages_day", "", "Messages today", "messages_per_day"),
    ("channel_day", "whatsapp", "WhatsApp today", "whatsapp_per_day"),
    ("channel_day", "sms", "SMS today", "sms_per_day"),
    ("channel_day", "email", "E-mail today", "email_per_day"),
    ("spend_day", "", "Spent today", "spend_per_day"),
    ("spend_month", "", "Spent this month", "spend_per_month"),
)


LIMITS = (
    *("messages_per_day", "whatsapp_per_day", "sms_per_day", "email_per_day"),
    *("utility_per_recipient", "marketing_per_recipient"),
    *("spend_per_day", "spend_per_month"),
    *("codes_per_recipient", "codes_per_recipient_day", "codes_per_block", "code_countries"),
)


class LimitsForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    class Meta:
        model = Limits
        fields = ("business", *LIMITS)
        labels = {
            "whatsapp_per_day": "WhatsApp per day",
            "sms_per_day": "SMS per day",
            "email_per_day": "E-mail per day",
            "codes_per_recipient": "Codes per recipient, 10 minutes",
            "codes_per_recipient_day": "Codes per recipient, 24 hours",
            "codes_per_block": "Codes per block of numbers, an hour",
            "code_countries": "Countries for codes",
        }
        widgets = {"code_countries": UnfoldAdminTextInputWidget}

    def clean_code_countries(self) -> list[str]:
        countries = [each.strip().upper() for each in self.cleaned_data["code_countries"]]
        if wrong := [each for each in countries if not (len(each) == 2 and each.isascii() and each.isalpha())]:
            raise ValidationError(f"Two letters each, with commas between them: EG, SA. Not: {', '.join(wrong)}.")
        return countries


@admin.register(Limits)
class LimitsDesk(Desk):
    form = LimitsForm
    list_display = ("business", "messages_per_day", "spend_per_day", "spend_per_month", "codes_per_recipient", "countries")
    list_select_related = ("business",)
    ordering = ("business__name",)
    fieldsets = (
        (None, {"fields": ("business", "used")}),
        ("In a day (UTC)", {"fields": LIMITS[:4]}),
        ("To one recipient", {"fields": LIMITS[4:6]}),
        ("Money", {"fields": LIMITS[6:8]}),
        ("One-time codes", {"fields": LIMITS[8:]}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("business", "used") if obj else ("used",)

    @display(description="codes go to")
    def countries(self, row: Limits) -> str:
        return ", ".join(row.code_countries) or "every country"

    @display(description="used so far")
    def used(self, row: Limits) -> str:
        """What has a cap, by live keys."""
        if row._state.adding:
            return ""
        found = counting.used(row.business_id, mode=Mode.LIVE, at=timezone.now())
        bars = [
            {"words": words, "used": found.get((kind, subject), Decimal(0)), "cap": cap, "is_money": kind.startswith("spend")}
            for kind, subject, words, field in _SHOWN
            if (cap := getattr(row, field)) is not None
        ]
        return render_to_string("messaging/used.html", {"bars": bars, "currency": settings.QSURA_CURRENCY})

    def save_model(self, request: HttpRequest, obj: Limits, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        allowances.forget()

    def delete_model(self, request: HttpRequest, obj: Limits) -> None:
        super().delete_model(request, obj)
        allowances.forget()


class ReleaseForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    days = forms.IntegerField(min_value=1, max_value=_LONGEST.days, initial=7, help_text="For how many days.")

    class Meta:
        model = Release
        fields = ("business", "block", "reason")


@admin.register(Release)
class ReleaseDesk(Desk):
    list_display = ("block", "business", "reason", "released_by", "created_at", "ends_at")
    list_filter = ("business",)
    list_select_related = ("business", "released_by")
    ordering = ("-created_at",)
    form = ReleaseForm

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        own = ("business", "block", "reason")
        return (*own, "released_by", "created_at", "ends_at") if obj else (*own, "days")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """What somebody vouched for stays as it was; it ends by itself."""
        return False

    def save_model(self, request: HttpRequest, obj: Release, form: Any, change: bool) -> None:
        obj.released_by = request.user  # type: ignore[assignment]  # a person of ours, behind the admin's door
        obj.ends_at = timezone.now() + timedelta(days=form.cleaned_data["days"])
        super().save_model(request, obj, form, change)
        allowances.forget()
