"""Quiet hours: when a business does not write to people."""

from __future__ import annotations

import calendar as names
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.desk import Desk, display
from accounts.models import Business
from routing import calendar, windows
from routing.choices import TrafficClass
from routing.models import DAYS, QuietHours, every_day


class QuietHoursForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    days = forms.TypedMultipleChoiceField(
        choices=DAYS,
        coerce=int,
        initial=every_day,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="The days on which they begin.",
    )

    class Meta:
        model = QuietHours
        fields = ("business", "traffic_class", "begins", "ends", "days", "is_active", "codes_may_wait")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("begins") is not None and given.get("begins") == given.get("ends"):
            raise ValidationError({"ends": "They must end at another time than they begin. For a whole day, take two halves."})
        if given.get("traffic_class") == TrafficClass.AUTHENTICATION and not given.get("codes_may_wait"):
            raise ValidationError(
                {"codes_may_wait": "One-time codes have no quiet hours, unless you say here that they may wait for hours."}
            )
        if not self.errors and given.get("is_active") and self._leaves_nothing(given):
            raise ValidationError("With the others of this class they would leave no moment of the week.")
        return given

    def _leaves_nothing(self, given: dict[str, Any]) -> bool:
        """The admin judges and saves in one transaction: the business's row is locked to its end, so that two at once see each other."""
        business = given.get("business") or self.instance.business
        Business.objects.select_for_update(no_key=True).get(pk=business.pk)
        others = QuietHours.objects.filter(business=business, traffic_class=given["traffic_class"], is_active=True)
        own = windows.Window(given["begins"], given["ends"], frozenset(given["days"]))
        return windows.always([own, *(row.window for row in others.exclude(pk=self.instance.pk))])


@admin.register(QuietHours)
class QuietHoursDesk(Desk):
    form = QuietHoursForm
    list_display = ("traffic_class", "business", "begins", "ends", "on", "is_active")
    list_filter = ("business", "traffic_class")
    list_select_related = ("business",)
    ordering = ("business__name", "traffic_class", "begins")

    @display(description="on")
    def on(self, row: QuietHours) -> str:
        return "every day" if len(row.days) == 7 else ", ".join(names.day_name[day - 1] for day in sorted(row.days))

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("business",) if obj else ()

    def save_model(self, request: HttpRequest, obj: QuietHours, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        calendar.forget()

    def delete_model(self, request: HttpRequest, obj: QuietHours) -> None:
        super().delete_model(request, obj)
        calendar.forget()
