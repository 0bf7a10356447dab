"""The page by which templates that exist at a provider become drafts: look first, then take what is chosen."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.desk import action, business_of
from accounts.models import Business
from routing.models import ProviderAccount
from routing.providers import registry
from templates_app import adopting
from templates_app.admin.exchange import ExchangeDesk
from templates_app.admin.reviewing import person
from templates_app.asking import Unanswered

_LIST = "admin:templates_app_template_changelist"


class AccountForm(forms.Form):
    """At which account, and whose drafts they become."""

    account = forms.ModelChoiceField(ProviderAccount.objects.none())
    business = forms.ModelChoiceField(Business.objects.order_by("name"), help_text="Its drafts they become.")

    def __init__(self, *args: Any, own: UUID | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["account"] = forms.ModelChoiceField(_accounts(own), label="Provider account")
        if own is not None:
            del self.fields["business"]


class AdoptionDesk(ExchangeDesk):
    """A desk of templates that can also be read from a provider."""

    actions_list = (*ExchangeDesk.actions_list, "import_from_provider")

    @action(description="Import from a provider", url_path="import-from-provider", permissions=["import_files"], icon="cloud_download")
    def import_from_provider(self, request: HttpRequest) -> HttpResponse:
        """First which account, then what stands there, then the drafts of what is chosen."""
        own = business_of(request)
        form = AccountForm(request.POST, own=own) if request.method == "POST" else AccountForm(own=own)
        if not form.is_valid():
            return self._shown(request, {"form": form})
        account = form.cleaned_data["account"]
        try:
            found = adopting.look(account)
        except Unanswered as trouble:
            form.add_error("account", str(trouble))
            return self._shown(request, {"form": form})
        business = form.cleaned_data.get("business") or Business.objects.get(pk=own)
        if "take" not in request.POST:
            possible = any(each.is_possible for each in found)
            return self._shown(request, {"found": found, "account": account, "business": business, "can_take": possible})
        chosen = set(request.POST.getlist("template"))
        told = adopting.write([each for each in found if each.there.provider_id in chosen], business=business, author=person(request))
        for line in told or ["Nothing was chosen, and nothing was imported."]:
            self.message_user(request, line, messages.SUCCESS if told else messages.WARNING)
        return HttpResponseRedirect(reverse(_LIST))

    def _shown(self, request: HttpRequest, more: dict[str, Any]) -> HttpResponse:
        title = "Import from a provider"
        context = self.admin_site.each_context(request) | {"title": title, "opts": self.opts, "media": self.media, **more}
        return TemplateResponse(request, "templates_app/import_from_provider.html", context)


def _accounts(own: UUID | None) -> QuerySet[ProviderAccount]:
    """Of a business's staff its own accounts alone: at the platform's stand other businesses' templates too."""
    approving = [name for name, adapter in registry.ADAPTERS.items() if adapter.registrar is not None]
    rows = ProviderAccount.objects.filter(provider__in=approving).order_by("name")
    return rows if own is None else rows.filter(business=own)
