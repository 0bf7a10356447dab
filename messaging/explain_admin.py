"""Ask before you send, for staff: the whole decision on a message that nobody sends."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from accounts.desk import Desk, action, business_of
from accounts.models import Business
from messaging import foretelling
from messaging.explain_form import ExplainForm
from messaging.foretelling import Foretold
from routing import book

NAME = "messaging_message_explain"


class ExplainDesk(Desk):
    """The page beside the list of messages."""

    actions_list = ("ask",)

    def get_urls(self) -> list[URLPattern]:
        return [path("explain/", self.admin_site.admin_view(self.explain), name=NAME), *super().get_urls()]

    @action(description="Ask before you send", url_path="ask", permissions=["view"], icon="help")
    def ask(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse(f"admin:{NAME}"))

    @method_decorator(sensitive_post_parameters())
    def explain(self, request: HttpRequest) -> HttpResponse:
        """What is typed comes by POST and goes into the answer to it, and nowhere else."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        business = _business(request)
        if business is None:
            return self._show(request, {"businesses": Business.objects.order_by("name")})
        if request.method != "POST":
            return self._show(request, {"business": business, "form": ExplainForm(initial=request.GET.dict(), business=business)})
        form = ExplainForm(request.POST, business=business)
        return self._show(request, {"business": business, "form": form, "foretold": _foretell(form) if form.is_valid() else None})

    def _show(self, request: HttpRequest, more: dict[str, Any]) -> HttpResponse:
        context = self.admin_site.each_context(request) | {"title": "Ask before you send", "media": self.media} | more
        return TemplateResponse(request, "messaging/explain.html", context, headers={"Cache-Control": "no-store"})


def _business(request: HttpRequest) -> Business | None:
    """The person's own, or the one that platform staff have chosen."""
    own = business_of(request)
    rows = Business.objects.all() if own is None else Business.objects.filter(pk=own)
    asked = request.GET.get("business")
    if asked is None:
        found = list(rows[:2])
        return found[0] if len(found) == 1 else None
    try:
        return rows.get(pk=UUID(asked))
    except (ValueError, Business.DoesNotExist):
        raise Http404 from None


def _foretell(form: ExplainForm) -> Foretold:
    at, draft = timezone.now(), form.draft()
    roads = book.with_draft(draft, at=at) if draft else None
    return foretelling.foretell(form.wanted(), caller=form.caller(), at=at, book=roads)
