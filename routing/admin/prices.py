"""What messages cost: a price a row, or a table of them at once."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.desk import Desk, action, business_of, display
from routing import prices, pricing
from routing.models import Price
from routing.pricing import UnreadablePrices


class PriceForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    class Meta:
        model = Price
        fields = ("account", "provider", "channel", "country", "prefix", "category", "amount")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        pricing.check(Price(**given))
        return given


class TableForm(forms.Form):
    text = forms.CharField(
        label="Prices",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 12, "spellcheck": "false"}),
        help_text=f"CSV with a heading line: {','.join(pricing.COLUMNS)}. Columns that you don't need may be left out.",
    )


@admin.register(Price)
class PriceDesk(Desk):
    form = PriceForm
    business_path = "account__business"
    list_display = ("whose", "channel", "place", "category", "costs", "changed_at")
    list_filter = ("channel", "category", "provider")
    list_select_related = ("account",)
    search_fields = ("provider", "account__name", "country", "prefix")
    ordering = ("provider", "account__name", "channel", "country", "prefix", "category")
    actions_list = ("enter",)

    @display(description="whose")
    def whose(self, price: Price) -> str:
        return str(price.account) if price.account else price.provider

    @display(description="where")
    def place(self, price: Price) -> str:
        return f"+{price.prefix}" if price.prefix else price.country or "everywhere"

    @display(description="costs")
    def costs(self, price: Price) -> str:
        return f"{price.amount.normalize():f} {settings.QSURA_CURRENCY}{' a segment' if price.channel == 'sms' else ''}"

    def get_form(self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any) -> type[forms.ModelForm[Price]]:
        """Staff of one business price its own accounts; what a provider costs everybody is the platform's."""
        made: type[forms.ModelForm[Price]] = super().get_form(request, obj, change, **kwargs)
        if business_of(request) is not None and "account" in made.base_fields:
            made.base_fields["account"].required = True
        return made

    def save_model(self, request: HttpRequest, obj: Price, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        prices.forget()

    @action(description="Enter a table", url_path="enter", permissions=["add"], icon="upload")
    def enter(self, request: HttpRequest) -> HttpResponse:
        form = TableForm(request.POST) if request.method == "POST" else TableForm()
        if form.is_valid():
            try:
                entered = pricing.enter(form.cleaned_data["text"], business_id=business_of(request))
            except UnreadablePrices as refusal:
                form.add_error("text", refusal.detail)
            else:
                told = f"{entered.made} prices made, {entered.changed} changed, {entered.same} as they were."
                self.message_user(request, told, messages.SUCCESS)
                return HttpResponseRedirect(reverse("admin:routing_price_changelist"))
        context = {"title": "Enter prices", "form": form, "opts": self.opts, "currency": settings.QSURA_CURRENCY}
        return TemplateResponse(request, "admin/routing/enter_prices.html", self.admin_site.each_context(request) | context)
