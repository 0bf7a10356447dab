"""Dead letters for staff: what a worker broke on, and the way back into the queue."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from accounts import ids
from accounts.desk import ReadOnlyDesk, display
from messaging import aside
from messaging.models import DeadLetter


@admin.register(DeadLetter)
class DeadLetterDesk(ReadOnlyDesk):
    """The error names a line of our code and nothing of the message; the log has the moment."""

    business_path = "business_id"
    list_display = ("message", "error", "place", "times", "lane", "set_aside_at")
    list_filter = ("lane", "place")
    list_display_links = None
    sortable_by = ()
    ordering = ("-set_aside_at",)
    actions = ("put_back",)  # type: ignore[assignment]  # the one deed that history allows

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(set_aside_at__isnull=False)

    @display(description="message")
    def message(self, letter: DeadLetter) -> str:
        page = reverse("admin:messaging_message_change", args=[letter.message_id])
        return format_html('<a href="{}">{}</a>', page, ids.public("msg", letter.message_id))

    def has_put_back_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("messaging.put_back_deadletter")

    @admin.action(description="Put back into the queue", permissions=["put_back"])
    def put_back(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        number = aside.put_back(list(queryset.values_list("message_id", flat=True)))
        self.message_user(request, f"{number} messages are in the queue again.", messages.SUCCESS)
