"""Endpoints for operators: registered, switched off and on, tried out; their secrets, shown once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.contrib.filters.admin import DropdownFilter
from unfold.paginator import InfinitePaginator

from accounts import ids
from accounts.desk import Desk, action, display
from accounts.refusals import Refusal
from callbacks import endpoints, headers, history, keyring, replay
from callbacks.choices import EndpointKind, EndpointStatus
from callbacks.forms import EndpointForm
from callbacks.models import Endpoint
from messaging import phrases
from messaging.choices import EVERY_TYPE

HEALTH = {"well": "success", "failing": "warning", "resting": "info", "pending": "info", "disabled": "danger"}
OVERLAPS = {"0": "at once", "24": "after a day", "168": "after a week"}
"""Hours for which the old secret signs beside the new one."""
SPANS = {"1": "the last hour", "24": "the last day", "168": "the last week", "720": "the last 30 days"}
"""Hours of which what is missing can be sent."""
_CHANGEABLE = ("url", "description", "event_types", "body", "rate_limit", "is_enabled")
_TOLD = (
    "health",
    "disabled_because",
    "failing_since",
    "failures",
    "resting_until",
    "verified_at",
    "own_headers",
    "key_shown",
    "public_id",
    "created_at",
)


_OF_REGISTERED = ("rotate", "remove", "ask", "vouch")
_SENSELESS = {
    EndpointStatus.ENABLED: ("enable", "ask", "vouch"),
    EndpointStatus.PENDING: ("enable", "sample", "missing", "replays"),
    EndpointStatus.DISABLED: ("ask", "vouch", "sample", "missing"),
}

Deed = Callable[["EndpointDesk", HttpRequest, str], HttpResponse]


def _in_words(deed: Deed) -> Deed:
    """A refusal becomes a message on the endpoint's own page."""

    @functools.wraps(deed)
    def told(desk: EndpointDesk, request: HttpRequest, object_id: str) -> HttpResponse:
        try:
            return deed(desk, request, object_id)
        except Refusal as refusal:
            desk.message_user(request, refusal.detail, messages.ERROR)
            return HttpResponseRedirect(reverse("admin:callbacks_endpoint_change", args=[object_id]))

    return told


class HealthFilter(DropdownFilter):  # type: ignore[misc]
    title = "health"
    parameter_name = "health"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("well", "Well"), ("failing", "Failing"), ("disabled", "Disabled")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = {
            "well": Q(is_enabled=True, failing_since__isnull=True),
            "failing": Q(is_enabled=True, failing_since__isnull=False),
            "disabled": Q(is_enabled=False),
        }
        return queryset.filter(chosen.get(self.value(), Q()))


@admin.register(Endpoint)
class EndpointDesk(Desk):
    form = EndpointForm
    list_display = ("name", "health", "types", "kind", "world", "business", "created_at")
    list_filter = (HealthFilter, "kind", "mode", "business")
    list_select_related = ("business",)
    search_fields = ("description",)
    search_help_text = "A part of the description"
    ordering = ("-id",)
    # A business may have named a million callbacks, and nobody reads their number.
    paginator = InfinitePaginator
    sortable_by = ()
    actions = None
    actions_detail = ("deliveries", "enable", "ask", "vouch", "sample", "missing", "replays", "rotate", "remove")

    class Media:
        css = {"all": ["qsura/endpoints.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(removed_at__isnull=True)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[tuple[str | None, dict[str, Any]]]:
        if obj is None:
            return [(None, {"fields": ("business", "mode", "url", "description", "event_types", "body", "rate_limit", "signature")})]
        return [("What it is", {"fields": ("business", "mode", "kind", *_CHANGEABLE)}), ("How it is", {"fields": _TOLD})]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("business", "mode", "kind", *_TOLD) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """It is removed from its own page, and its history stays."""
        return False

    @display(description="endpoint", header=True)
    def name(self, endpoint: Endpoint) -> tuple[str, str]:
        address = phrases.address(endpoint.url)
        return (endpoint.description, address) if endpoint.description else (address, "")

    @display(description="health", label=HEALTH)
    def health(self, endpoint: Endpoint) -> str:
        if not endpoint.is_enabled:
            return "disabled"
        if history.status_of(endpoint) == EndpointStatus.PENDING:
            return "pending"
        if endpoint.resting_until and endpoint.resting_until > timezone.now():
            return "resting"
        return "failing" if endpoint.failing_since else "well"

    @display(description="hears of")
    def types(self, endpoint: Endpoint) -> str:
        return ", ".join(type_.removeprefix("message.") for type_ in endpoint.event_types) or "every type"

    @display(description="mode", label={"test": "default", "live": "primary"})
    def world(self, endpoint: Endpoint) -> str:
        return endpoint.mode

    @display(description="own headers")
    def own_headers(self, endpoint: Endpoint) -> str:
        """Their names; the values are secrets."""
        return ", ".join(sorted(headers.unseal(endpoint.headers, endpoint_id=endpoint.id))) or "none"

    @display(description="id")
    def public_id(self, endpoint: Endpoint) -> str:
        return ids.public("whe", endpoint.id)

    @display(description="signed with")
    def key_shown(self, endpoint: Endpoint) -> str:
        secret = keyring.current(endpoints.holder(endpoint))
        if secret is None:
            return "a secret that is made with the first webhook"
        return endpoints.show(secret).public_key or f"a secret of {secret.created_at:%d %B %Y}"

    # Registering and changing

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            response: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        except Refusal as refusal:
            self.message_user(request, refusal.detail, messages.ERROR)
            return HttpResponseRedirect(reverse("admin:callbacks_endpoint_changelist"))
        return response

    def save_model(self, request: HttpRequest, obj: Endpoint, form: Any, change: bool) -> None:
        values, at = form.cleaned_data, timezone.now()
        if change:
            changes = {name: values[name] for name in form.changed_data if name in _CHANGEABLE}
            endpoints.change(Endpoint.objects.get(pk=obj.pk), changes=changes, at=at)
            return
        wanted = {name: values[name] for name in ("mode", "url", "description", "event_types", "body", "rate_limit", "signature")}
        made, shown = endpoints.register(values["business"].id, at=at, **wanted)
        obj.pk, obj.lane = made.pk, made.lane
        request.issued = shown  # type: ignore[attr-defined]  # for response_add, which gets neither form nor secret

    def response_add(self, request: HttpRequest, obj: Endpoint, post_url_continue: str | None = None) -> HttpResponse:
        return self._show(request, endpoint=obj, shown=request.issued)  # type: ignore[attr-defined]

    # Deeds

    @action(description="Deliveries", url_path="deliveries", permissions=["view"], icon="local_shipping")
    def deliveries(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = self._endpoint(request, object_id)
        return HttpResponseRedirect(f"{reverse('admin:callbacks_delivery_changelist')}?{urlencode({'endpoint': endpoint.id})}")

    @action(description="Send a sample", url_path="sample", permissions=["change"], icon="science")
    @_in_words
    def sample(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = self._endpoint(request, object_id)
        question = "A sample is signed and sent like any webhook, with “test”: true in its data. Of which type?"
        chosen = self._chosen(request, {type_: type_ for type_ in EVERY_TYPE})
        if chosen is None:
            return self._ask(request, endpoint, question=question, options={type_: type_ for type_ in EVERY_TYPE}, deed="Send a sample")
        delivery_id = endpoints.try_out(endpoint, type_=chosen, at=timezone.now())
        return HttpResponseRedirect(reverse("admin:callbacks_delivery_change", args=[delivery_id]))

    @action(description="Send what is missing", url_path="missing", permissions=["change"], icon="replay")
    @_in_words
    def missing(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = self._endpoint(request, object_id)
        question = "What it asked for and never took is sent again, and what happened while it was not listening. Of which time?"
        chosen = self._chosen(request, SPANS)
        if chosen is None:
            return self._ask(request, endpoint, question=question, options=SPANS, deed="Send what is missing")
        now = timezone.now()
        replay.missing(endpoint, begin=now - timedelta(hours=int(chosen)), by=str(request.user), at=now)
        self.log_change(request, endpoint, f"What was missing of {SPANS[chosen]} is sent again.")
        return self._to_replays(endpoint)

    @action(description="Enable, and send what it missed", url_path="enable", permissions=["change"], icon="restart_alt")
    @_in_words
    def enable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = self._endpoint(request, object_id)
        if request.method != "POST":
            question = "It hears of everything again from now on, and what it missed since it began to fail is sent in the background."
            return self._ask(request, endpoint, question=question, options={}, deed="Enable, and send what it missed")
        _, missed = replay.come_back(endpoint, by=str(request.user), at=timezone.now())
        self.log_change(request, endpoint, "Enabled; what it missed is sent again." if missed else "Enabled.")
        return self._to_replays(endpoint) if missed else self._back(endpoint)

    @action(description="Ask the challenge now", url_path="ask", permissions=["change"], icon="contact_support")
    @_in_words
    def ask(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = self._endpoint(request, object_id)
        if request.method != "POST":
            question = (
                "Its receiver is asked at once to say back a word that only this webhook has. What waits for it is sent when it does."
            )
            return self._ask(request, endpoint, question=question, options={}, deed="Ask the challenge now")
        endpoints.ask_again(endpoint, at=timezone.now())
        self.message_user(request, "It is asked. Look at its deliveries for the answer.")
        return self._back(endpoint)

    @action(description="Vouch for it", url_path="vouch", permissions=["change"], icon="verified_user")
    @_in_words
    def vouch(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = self._endpoint(request, object_id)
        if request.method != "POST":
            question = (
                "You answer for its receiver in place of the challenge: what waits for it is sent. This is written down with your name."
            )
            return self._ask(request, endpoint, question=question, options={}, deed="Vouch for it")
        endpoints.vouch(endpoint, at=timezone.now())
        self.log_change(request, endpoint, "Vouched for: its receiver was not asked the challenge.")
        return self._back(endpoint)

    @action(description="Replays", url_path="replays", permissions=["view"], icon="history")
    def replays(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_replays(self._endpoint(request, object_id))

    def _to_replays(self, endpoint: Endpoint) -> HttpResponse:
        return HttpResponseRedirect(f"{reverse('admin:callbacks_replay_changelist')}?{urlencode({'endpoint__id__exact': endpoint.id})}")

    @action(description="Rotate the secret", url_path="rotate", permissions=["change"], icon="autorenew")
    @_in_words
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = self._endpoint(request, object_id)
        chosen = self._chosen(request, OVERLAPS)
        if chosen is None:
            question = "A new secret signs from now on. When shall the old one cease to sign beside it?"
            return self._ask(request, endpoint, question=question, options=OVERLAPS, deed="Rotate the secret")
        _, shown = endpoints.rotate(endpoint, signature=None, overlap=timedelta(hours=int(chosen)), at=timezone.now())
        self.log_change(request, endpoint, f"Secret rotated; the old one ends {OVERLAPS[chosen]}.")
        return self._show(request, endpoint=endpoint, shown=shown)

    @action(description="Remove", url_path="remove", permissions=["change"], icon="delete")
    @_in_words
    def remove(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = self._endpoint(request, object_id)
        if request.method != "POST":
            question = "It hears of nothing any more, and what still waits for it is given up. Its history stays. This can't be undone."
            return self._ask(request, endpoint, question=question, options={}, deed="Remove")
        endpoints.remove(endpoint, at=timezone.now())
        self.log_change(request, endpoint, "Removed.")
        self.message_user(request, f"{endpoint} is removed.")
        return HttpResponseRedirect(reverse("admin:callbacks_endpoint_changelist"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """What makes sense as it stands. A callback has no secret of its own, is asked no challenge and can't be removed: requests would
        only name it again."""
        found: list[Any] = super().get_actions_detail(request, object_id)
        endpoint: Endpoint | None = self.get_object(request, str(object_id))
        if endpoint is None:
            return found
        left_out = _SENSELESS[history.status_of(endpoint)] + (_OF_REGISTERED if endpoint.kind == EndpointKind.CALLBACK else ())
        return [each for each in found if not each.action_name.endswith(left_out)]

    def _endpoint(self, request: HttpRequest, object_id: str) -> Endpoint:
        endpoint: Endpoint | None = self.get_object(request, object_id)
        if endpoint is None:
            raise Http404
        return endpoint

    def _chosen(self, request: HttpRequest, options: dict[str, str]) -> str | None:
        answer = request.POST.get("answer", "")
        return answer if request.method == "POST" and answer in options else None

    def _back(self, endpoint: Endpoint) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:callbacks_endpoint_change", args=[endpoint.pk]))

    def _ask(self, request: HttpRequest, endpoint: Endpoint, *, question: str, options: dict[str, str], deed: str) -> HttpResponse:
        context = {"title": deed, "endpoint": endpoint, "question": question, "options": options, "opts": self.opts}
        return TemplateResponse(request, "callbacks/ask.html", self.admin_site.each_context(request) | context)

    def _show(self, request: HttpRequest, *, endpoint: Endpoint, shown: endpoints.Shown) -> HttpResponse:
        """The one page that ever shows the secret: the answer to the POST itself, kept nowhere."""
        context = {"title": "The endpoint's secret", "endpoint": endpoint, "shown": shown, "opts": self.opts}
        response = TemplateResponse(request, "callbacks/secret.html", self.admin_site.each_context(request) | context)
        response.headers["Cache-Control"] = "no-store"
        return response
