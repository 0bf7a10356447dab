"""A list in the admin with a search by POST."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import ShowFacets
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from accounts.desk import Desk


class SearchedDesk(Desk):
    """A list with a search by POST: what a person types may be a phone number, and addresses end up in logs and histories.

    The answer is a redirect to an address that bears only the recipient's keyed hash, which says nothing to whoever reads the log.
    """

    list_fullwidth = True
    # Facets would count every filter's choices over the whole table.
    show_facets = ShowFacets.NEVER
    search_label = ""

    class Media:
        css = {"all": ["qsura/tones.css", "qsura/timeline.css", "qsura/explain.css"]}
        js = ["qsura/copy.js"]

    def get_urls(self) -> list[URLPattern]:
        found = path(
            "find/", self.admin_site.admin_view(require_POST(self.find)), name=f"{self.opts.app_label}_{self.opts.model_name}_find"
        )
        return [found, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        found = {"find_url": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_find"), "find_label": self.search_label}
        response: HttpResponse = super().changelist_view(request, found | (extra_context or {}))
        return response

    def find(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(self.where(request, request.POST.get("text", "")))

    def where(self, request: HttpRequest, text: str) -> str:
        """The address of what was searched for."""
        raise NotImplementedError

    def list_of(self, **wanted: str) -> str:
        address = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        return f"{address}?{urlencode(wanted)}" if wanted else address
