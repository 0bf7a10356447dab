"""What people wrote, for operators and auditors: a list that shows nobody whole, and a page whose text is opened by a look on record."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import DropdownFilter

from accounts import ids
from accounts.desk import ReadOnlyDesk, business_of, display
from accounts.models import Business, Person
from messaging import disclosing, filters, phrases, searching
from messaging.choices import Keyword
from messaging.disclosing import Said
from messaging.doors.searched import SearchedDesk
from messaging.inbound import showing
from messaging.inbound_records import Inbound
from routing.choices import Channel
from routing.models import ProviderAccount
from routing.providers.inbound import InboundKind
from routing.vault import CannotOpen


class WordFilter(DropdownFilter):  # type: ignore[misc]
    """By one column, from the words that it may have: never by asking the table for them."""

    words: tuple[tuple[str, str], ...] = ()

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return list(self.words)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{str(self.parameter_name): self.value()}) if self.value() else queryset


class ChannelFilter(WordFilter):
    title = "channel"
    parameter_name = "channel"
    words = tuple((channel.value, str(channel.label)) for channel in Channel)


class KindFilter(WordFilter):
    title = "kind"
    parameter_name = "kind"
    words = tuple((kind.value, phrases.plain(kind)) for kind in InboundKind)


class KeywordFilter(WordFilter):
    title = "keyword"
    parameter_name = "keyword"
    words = tuple((keyword.value, keyword.value.upper()) for keyword in Keyword)


class SenderFilter(filters.SearchedFilter):
    title = "sender"
    parameter_name = "sender_hash"
    words = "The sender searched for"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        try:
            return queryset.filter(sender_hash=bytes.fromhex(self.value() or ""))
        except ValueError:
            return queryset.none()


class AnsweredFilter(filters.SearchedFilter):
    title = "message"
    parameter_name = "message"
    words = "Answers to the message searched for"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found = ids.parse("msg", self.value() or "")
        return queryset.filter(message_id=found) if found else queryset.none()


@admin.register(Inbound)
class InboundDesk(SearchedDesk, ReadOnlyDesk):
    """Without a message and without an account of its own nobody knows whose it is: then the platform's own staff alone see it."""

    business_path = "business_id"
    change_list_template = "messaging/messages.html"
    search_label = "Sender, id of it or of the message that it answers, exactly"
    list_per_page = 50
    list_display_links = None
    sortable_by = ()
    ordering = ("-id",)
    list_filter = (
        SenderFilter,
        AnsweredFilter,
        KindFilter,
        KeywordFilter,
        filters.WhenFilter,
        ChannelFilter,
        filters.ModeFilter,
        filters.BusinessFilter,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        name = Business.objects.filter(id=OuterRef("business_id")).values("name")
        rows: QuerySet[Any] = super().get_queryset(request).annotate(business=Subquery(name))
        return rows

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        columns = ("received", "sort", "word", "channel_of", "masked", "message")
        return (*columns, "business", "world") if business_of(request) is None else (*columns, "world")

    @display(description="received")
    def received(self, row: Inbound) -> str:
        at, page = timezone.localtime(row.received_at), reverse("admin:messaging_inbound_change", args=[row.id])
        when = '<span class="qs-id"><a href="{}" title="{}"><time datetime="{}" class="qs-when">{} <b>{}</b></time></a></span>'
        return format_html(when, page, str(row), at.isoformat(), f"{at:%d %b}", f"{at:%H:%M:%S}")

    @display(description="kind")
    def sort(self, row: Inbound) -> str:
        return phrases.plain(row.kind)

    @display(description="keyword", label={"STOP": "danger", "START": "success", "HELP": "info"})
    def word(self, row: Inbound) -> str:
        return row.keyword.upper()

    @display(description="channel")
    def channel_of(self, row: Inbound) -> str:
        return phrases.channel(row.channel)

    @display(description="sender")
    def masked(self, row: Inbound) -> str:
        return showing.masked(row)

    @display(description="answers")
    def message(self, row: Inbound) -> str:
        if row.message_id is None:
            return ""
        page, id_ = reverse("admin:messaging_message_change", args=[row.message_id]), ids.public("msg", row.message_id)
        return format_html('<span class="qs-id"><a href="{}" title="{}">msg_…{}</a></span>', page, id_, id_[-8:])

    @display(description="business")
    def business(self, row: Any) -> str:
        return row.business or ""

    @display(description="mode", label={"test": "default", "live": "primary"})
    def world(self, row: Inbound) -> str:
        return row.mode

    def where(self, request: HttpRequest, text: str) -> str:
        text = text.replace("\0", "").strip()
        row_id = ids.parse("inb", text)
        if row_id is not None and self.get_queryset(request).filter(id=row_id).exists():
            return reverse("admin:messaging_inbound_change", args=[row_id])
        if ids.parse("msg", text) is not None:
            return self.list_of(message=text)
        hashed = searching.hash_of(text)
        # What is no sender finds nobody, and is not repeated in an address.
        return self.list_of(sender_hash=hashed.hex() if hashed else "none") if text else self.list_of()

    # One of them

    def get_urls(self) -> list[URLPattern]:
        look = self.admin_site.admin_view(require_POST(self.look))
        return [path("<path:object_id>/look/", look, name="messaging_inbound_look"), *super().get_urls()]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Inbound | None:
        """By either spelling of its id."""
        found: Inbound | None = super().get_object(request, str(ids.parse("inb", object_id) or object_id), from_field)
        return found

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self._seen(request, object_id)
        return self._nowhere(request) if row is None else self._page(request, row)

    def look(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page with what was written, as the answer to this POST and never again."""
        row = self._seen(request, object_id)
        person = request.user
        if row is None:
            return self._nowhere(request)
        if not isinstance(person, Person) or not disclosing.may(person):
            raise PermissionDenied
        try:
            return self._page(request, row, said=disclosing.open_inbound(row, to=person))
        except CannotOpen as error:
            self.message_user(request, f"It can't be opened: {error}.", messages.ERROR)
            return HttpResponseRedirect(reverse("admin:messaging_inbound_change", args=[row.id]))

    def _seen(self, request: HttpRequest, object_id: str) -> Inbound | None:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.get_object(request, object_id)

    def _nowhere(self, request: HttpRequest) -> HttpResponse:
        self.message_user(request, "There is no such inbound message here. They are kept for 30 days.", messages.WARNING)
        return HttpResponseRedirect(self.list_of())

    def _page(self, request: HttpRequest, row: Inbound, *, said: Said | None = None) -> HttpResponse:
        person = request.user
        context = self.admin_site.each_context(request) | {
            "title": f"Inbound message {row}",
            "model_admin": self,
            "row": row,
            "media": self.media,
            "kind": phrases.plain(row.kind),
            "channel": phrases.channel(row.channel),
            "account": ProviderAccount.objects.filter(id=row.account_id).values_list("name", flat=True).first(),
            "answered": ids.public("msg", row.message_id) if row.message_id else "",
            "masked": showing.masked(row),
            "said": said,
            "may_look": isinstance(person, Person) and disclosing.may(person),
        }
        return TemplateResponse(request, "messaging/inbound.html", context, headers={"Cache-Control": "no-store"})
