"""Deliveries for operators and auditors: what was owed to whom, every try of it, and a way to send it again."""

from __future__ import annotations

from typing import Any

import orjson
from django.contrib import admin, messages
from django.contrib.admin import ShowFacets
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, connection, transaction
from django.db.models import Exists, JSONField, OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from psycopg.errors import QueryCanceled
from unfold.contrib.filters.admin import DropdownFilter

from accounts import ids
from accounts.desk import ReadOnlyDesk, business_of, display
from callbacks import replay
from callbacks.choices import Outcome
from callbacks.endpoints import EndpointDisabled
from callbacks.models import Delivery, DeliveryDue, DeliveryTry, Endpoint
from messaging import filters, phrases
from messaging.choices import EVERY_TYPE
from messaging.timeline import Tone

WAITING, FAILING = "waiting", "failing"
LABELS = {Outcome.DELIVERED.value: "success", WAITING: "info", FAILING: "warning", Outcome.EXHAUSTED.value: "danger"}
TONES = {Outcome.DELIVERED.value: Tone.GOOD, WAITING: Tone.MOVING, FAILING: Tone.CARE, Outcome.EXHAUSTED.value: Tone.BAD}
ICONS = {Outcome.DELIVERED.value: "check_circle", WAITING: "schedule", FAILING: "sync_problem", Outcome.EXHAUSTED.value: "cancel"}
SUMMARIES = {
    Outcome.DELIVERED.value: "The endpoint has it.",
    WAITING: "It is on its way for the first time.",
    FAILING: "The endpoint did not take it yet; it is tried again.",
    Outcome.EXHAUSTED.value: "The endpoint never took it, and it is not tried any more. It can be sent again.",
}
PATIENCE = 5_000
"""Milliseconds that a list may take."""


class StatusFilter(DropdownFilter):  # type: ignore[misc]
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(WAITING, "Waiting, or to be tried again"), (Outcome.DELIVERED.value, "Delivered"), (Outcome.EXHAUSTED.value, "Given up")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        due = Exists(DeliveryDue.objects.filter(delivery_id=OuterRef("id")))
        if self.value() == WAITING:
            return queryset.filter(due)
        if self.value() in Outcome.values:
            last = Exists(DeliveryTry.objects.filter(delivery_id=OuterRef("id"), outcome=self.value()))
            return queryset.filter(last).exclude(due)
        return queryset


class TypeFilter(DropdownFilter):  # type: ignore[misc]
    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(type_, type_) for type_ in EVERY_TYPE]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(type=self.value()) if self.value() else queryset


class EndpointFilter(filters.SearchedFilter):
    title = "endpoint"
    parameter_name = "endpoint"
    words = "The endpoint that you came from"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        id_ = ids.parse("whe", f"whe_{(self.value() or '').replace('-', '')}")
        return queryset.filter(endpoint_id=id_) if id_ else queryset.none()


class WhenFilter(filters.WhenFilter):
    """The last week, unless an endpoint was chosen: its own deliveries are found by an index."""

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[Any], model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self._usual = "any" if request.GET.get("endpoint") else "week"


@admin.register(Delivery)
class DeliveryDesk(ReadOnlyDesk):
    business_path = "business_id"
    list_display = ("status", "short_id", "type", "endpoint", "message", "answer", "created")
    list_filter = (EndpointFilter, StatusFilter, TypeFilter, WhenFilter, filters.ModeFilter, filters.BusinessFilter)
    list_display_links = None
    list_fullwidth = True
    list_per_page = 50
    sortable_by = ()
    ordering = ("-id",)
    show_facets = ShowFacets.NEVER
    actions = ("send_again",)  # type: ignore[assignment]  # history has none; sending again writes new history

    class Media:
        css = {"all": ["qsura/tones.css", "qsura/timeline.css", "qsura/deliveries.css"]}
        js = ["qsura/copy.js"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        due = DeliveryDue.objects.filter(delivery_id=OuterRef("id")).values("due_at")
        tries = DeliveryTry.objects.filter(delivery_id=OuterRef("id")).order_by("-number")
        last = tries.values(_last=JSONObject(outcome="outcome", number="number", status_code="status_code", error="error"))
        owner = Endpoint.objects.filter(id=OuterRef("endpoint_id")).values(_to=JSONObject(url="url", description="description"))
        rows: QuerySet[Any] = super().get_queryset(request)
        rows = rows.annotate(last=Subquery(last[:1], output_field=JSONField()), to=Subquery(owner, output_field=JSONField()))
        rows = rows.annotate(due_at=Subquery(due))
        return rows

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Within seconds, or not at all."""
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL statement_timeout = {PATIENCE}")
                response: HttpResponse = super().changelist_view(request, extra_context)
                return response.render() if isinstance(response, TemplateResponse) else response
        except OperationalError as error:
            if not isinstance(error.__cause__, QueryCanceled):
                raise
        self.message_user(request, "That would have taken too long. Choose a shorter time.", messages.WARNING)
        return HttpResponseRedirect(f"{reverse('admin:callbacks_delivery_changelist')}?when=hour")

    @display(description="status", label=LABELS)
    def status(self, delivery: Any) -> str:
        return _status(delivery)

    @display(description="delivery")
    def short_id(self, delivery: Delivery) -> str:
        id_ = ids.public("dlv", delivery.id)
        address = reverse("admin:callbacks_delivery_change", args=[delivery.id])
        return format_html('<span class="qs-id"><a href="{}" title="{}">dlv_…{}</a></span>', address, id_, id_[-8:])

    @display(description="endpoint")
    def endpoint(self, delivery: Any) -> str:
        return delivery.to["description"] or phrases.address(delivery.to["url"]) if delivery.to else ""

    @display(description="message")
    def message(self, delivery: Delivery) -> str:
        if delivery.message_id is None:
            return "a sample" if _is_sample(delivery) else ""
        id_ = ids.public("msg", delivery.message_id)
        address = reverse("admin:messaging_message_change", args=[delivery.message_id])
        return format_html('<span class="qs-id"><a href="{}" title="{}">msg_…{}</a></span>', address, id_, id_[-8:])

    @display(description="last answer")
    def answer(self, delivery: Any) -> str:
        last = delivery.last
        if not last:
            return "not tried yet"
        said = last["status_code"] or last["error"]
        return f"{said} at the {_ordinal(last['number'])} try" if last["number"] > 1 else str(said)

    @display(description="created")
    def created(self, delivery: Delivery) -> str:
        at = timezone.localtime(delivery.created_at)
        return format_html('<time datetime="{}" class="qs-when">{} <b>{}</b></time>', at.isoformat(), f"{at:%d %b}", f"{at:%H:%M:%S}")

    # Sending again

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("callbacks.replay_delivery")

    @admin.action(description="Send again", permissions=["replay"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        chosen = list(queryset)
        sent = replay.several(chosen, by=str(request.user), at=timezone.now())
        if sent:
            self.message_user(request, f"{sent} on their way.", messages.SUCCESS)
        if sent < len(chosen):
            self.message_user(request, f"{len(chosen) - sent} not sent: their endpoints are disabled.", messages.WARNING)

    def get_urls(self) -> list[URLPattern]:
        again = self.admin_site.admin_view(require_POST(self.again))
        return [path("<path:object_id>/again/", again, name="callbacks_delivery_again"), *super().get_urls()]

    def again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        delivery = self._delivery(request, object_id)
        if not self.has_replay_permission(request):
            raise PermissionDenied
        try:
            owner = Endpoint.objects.get(id=delivery.endpoint_id)
            replay.one(delivery, endpoint=owner, by=str(request.user), at=timezone.now())
        except EndpointDisabled as refusal:
            self.message_user(request, refusal.detail, messages.ERROR)
        else:
            self.message_user(request, "It is on its way again, with the same id and the same bytes.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:callbacks_delivery_change", args=[delivery.id]))

    # One delivery

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """By either spelling of its id."""
        return super().get_object(request, str(ids.parse("dlv", object_id) or object_id), from_field)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        delivery = self._delivery(request, object_id)
        status, owner = _status(delivery), Endpoint.objects.select_related("business").filter(id=delivery.endpoint_id).first()
        context = self.admin_site.each_context(request) | {
            "title": f"Delivery {ids.public('dlv', delivery.id)}",
            "public_id": ids.public("dlv", delivery.id),
            "model_admin": self,
            "media": self.media,
            "delivery": delivery,
            "endpoint": owner,
            "address": phrases.address(owner.url) if owner else "",
            "event": ids.public("evt", delivery.event_id),
            "message": ids.public("msg", delivery.message_id) if delivery.message_id else None,
            "is_sample": _is_sample(delivery),
            "status": status,
            "tone": TONES[status],
            "icon": ICONS[status],
            "summary": SUMMARIES[status],
            "body": orjson.dumps(orjson.loads(delivery.body), option=orjson.OPT_INDENT_2).decode(),
            "size": len(delivery.body.encode()),
            "tries": list(DeliveryTry.objects.filter(delivery_id=delivery.id).order_by("number")),
            "may_replay": self.has_replay_permission(request),
            "shows_business": business_of(request) is None,
        }
        return TemplateResponse(request, "callbacks/delivery.html", context)

    def _delivery(self, request: HttpRequest, object_id: str) -> Any:
        if not self.has_view_permission(request):
            raise PermissionDenied
        delivery = self.get_object(request, object_id)
        if delivery is None:
            raise Http404
        return delivery


def _status(delivery: Any) -> str:
    if delivery.due_at is not None:
        return FAILING if delivery.last else WAITING
    return str(delivery.last["outcome"]) if delivery.last else WAITING


def _is_sample(delivery: Delivery) -> bool:
    return delivery.message_id is None and bool(orjson.loads(delivery.body)["data"].get("test"))


def _ordinal(number: int) -> str:
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
