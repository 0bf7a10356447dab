"""Messages for operators and auditors: a list that never counts, a timeline for each, nothing that can be changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, connection, transaction
from django.db.models import JSONField, OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from psycopg.errors import QueryCanceled

from accounts import ids
from accounts.desk import ReadOnlyDesk, business_of, display
from accounts.models import Business, Person
from messaging import aside_admin, backtest_admin, disclosing, dossier, filters, phrases, searching  # noqa: F401 - two register their pages
from messaging.disclosing import Disclosed
from messaging.doors import inbound_desk, limits_desk, suppression_desk  # noqa: F401 - they register their pages
from messaging.doors.searched import SearchedDesk
from messaging.explain_admin import ExplainDesk
from messaging.models import Message, State
from routing.vault import CannotOpen

LABELS = {
    "submitted": "info",
    "sent": "info",
    "delivered": "success",
    "read": "success",
    "failed": "danger",
    "expired": "danger",
    "canceled": "warning",
}
"""The colour of each status; the badge says the word as well."""

PATIENCE = 5_000
"""Milliseconds that a list may take."""


@admin.register(Message)
class MessageDesk(SearchedDesk, ExplainDesk, ReadOnlyDesk):
    business_path = "business_id"
    change_list_template = "messaging/messages.html"
    search_label = "Message id, recipient or reference, exactly"
    list_per_page = 50
    list_display_links = None
    sortable_by = ()
    ordering = ("-id",)
    list_filter = (
        filters.RecipientFilter,
        filters.ReferenceFilter,
        filters.StatusFilter,
        filters.WhenFilter,
        filters.ChannelFilter,
        filters.TemplateFilter,
        filters.ModeFilter,
        filters.BusinessFilter,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        states = State.objects.filter(message_id=OuterRef("id"))
        now = states.values(_now=JSONObject(status="status", step="step"))
        rows: QuerySet[Any] = super().get_queryset(request).annotate(now=Subquery(now, output_field=JSONField()))
        if business_of(request) is None:
            rows = rows.annotate(business=Subquery(Business.objects.filter(id=OuterRef("business_id")).values("name")))
        return rows

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Within seconds, or not at all: a rare word sought through years of messages must not hold the database."""
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL statement_timeout = {PATIENCE}")
                response = super().changelist_view(request, extra_context)
                return response.render() if isinstance(response, TemplateResponse) else response
        except OperationalError as error:
            if not isinstance(error.__cause__, QueryCanceled):
                raise
        self.message_user(request, "That would have taken too long. Choose a shorter time.", messages.WARNING)
        return HttpResponseRedirect(self.list_of(when="hour"))

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        columns = ("status", "short_id", "template", "channel_now", "masked", "reference", "created")
        return (*columns, "business", "world") if business_of(request) is None else (*columns, "world")

    @display(description="status", label=LABELS)
    def status(self, message: Any) -> str:
        return str(message.now["status"])

    @display(description="message")
    def short_id(self, message: Message) -> str:
        id_ = str(message)
        return format_html(
            '<span class="qs-id"><a href="{}" title="{}">msg_…{}</a>'
            '<button type="button" class="qs-copy" data-copy="{}" aria-label="Copy the id {}" hidden></button></span>',
            reverse("admin:messaging_message_change", args=[message.id]),
            id_,
            id_[-8:],
            id_,
            id_,
        )

    @display(description="template")
    def template(self, message: Message) -> str:
        return format_html('{} <span class="qs-nowrap">v{}</span>', message.template_name, message.template_number)

    @display(description="channel")
    def channel_now(self, message: Any) -> str:
        first, now = message.plan[0]["channel"], message.plan[message.now["step"]]["channel"]
        return phrases.channel(now) if first == now else f"{phrases.channel(first)} → {phrases.channel(now)}"

    @display(description="recipient")
    def masked(self, message: Message) -> str:
        return dossier.masked(message)

    @display(description="created")
    def created(self, message: Message) -> str:
        at = timezone.localtime(message.created_at)
        return format_html('<time datetime="{}" class="qs-when">{} <b>{}</b></time>', at.isoformat(), f"{at:%d %b}", f"{at:%H:%M:%S}")

    @display(description="business")
    def business(self, message: Any) -> str:
        return message.business or ""

    @display(description="mode", label={"test": "default", "live": "primary"})
    def world(self, message: Message) -> str:
        return message.mode

    def where(self, request: HttpRequest, text: str) -> str:
        found = searching.read(text, among=self.get_queryset(request))
        if found.message_id:
            return reverse("admin:messaging_message_change", args=[found.message_id])
        if found.recipient_hash:
            return self.list_of(recipient_hash=found.recipient_hash.hex())
        return self.list_of(reference=found.reference) if found.reference else self.list_of()

    # One message

    def get_urls(self) -> list[URLPattern]:
        look = self.admin_site.admin_view(require_POST(self.look))
        return [path("<path:object_id>/look/", look, name="messaging_message_look"), *super().get_urls()]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Message | None:
        """By either spelling of its id: ours as the API shows it works in the address, too."""
        found: Message | None = super().get_object(request, str(ids.parse("msg", object_id) or object_id), from_field)
        return found

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        message = self._seen(request, object_id)
        return self._nowhere(request, object_id) if message is None else self._page(request, message)

    def look(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The timeline with the personal data open, as the answer to this POST and never again."""
        message = self._seen(request, object_id)
        person = request.user
        if message is None:
            return self._nowhere(request, object_id)
        if not isinstance(person, Person) or not disclosing.may(person):
            raise PermissionDenied
        try:
            return self._page(request, message, disclosed=disclosing.disclose(message, to=person))
        except CannotOpen as error:
            self.message_user(request, f"It can't be opened: {error}.", messages.ERROR)
            return HttpResponseRedirect(reverse("admin:messaging_message_change", args=[message.id]))

    def _seen(self, request: HttpRequest, object_id: str) -> Message | None:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.get_object(request, object_id)

    def _nowhere(self, request: HttpRequest, object_id: str) -> HttpResponse:
        self.message_user(request, "There is no such message here.", messages.WARNING)
        return HttpResponseRedirect(self.list_of())

    def _page(self, request: HttpRequest, message: Message, *, disclosed: Disclosed | None = None) -> HttpResponse:
        person = request.user
        context = self.admin_site.each_context(request) | {
            # Without `opts` the theme makes the heading of the list's name and this title, and leaves the id's letters as they are.
            "title": f"Timeline of {message}",
            "model_admin": self,
            "message": message,
            "media": self.media,
            "dossier": dossier.open_for(message, at=timezone.now()),
            "disclosed": disclosed,
            "may_look": isinstance(person, Person) and disclosing.may(person),
        }
        return TemplateResponse(request, "messaging/timeline.html", context, headers={"Cache-Control": "no-store"})
