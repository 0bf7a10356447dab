"""Words of providers that no table knows, with how often and since when: what somebody should teach an adapter."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.desk import ReadOnlyDesk, business_of, display
from callbacks import words
from callbacks.models import UnknownWord


class SettledFilter(admin.SimpleListFilter):
    """Open ones unless asked otherwise: a settled word is history."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("settled", "Settled")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(settled_at__isnull=self.value() == "open") if self.value() else queryset


@admin.register(UnknownWord)
class UnknownWordDesk(ReadOnlyDesk):
    """They say nothing of a message or a business, so whoever sees one sees all."""

    business_path = None
    list_display = ("word_shown", "provider", "kind", "times", "first", "last", "state")
    list_filter = (SettledFilter, "provider", "kind")
    list_display_links = None
    search_fields = ("word",)
    sortable_by = ()
    ordering = ("settled_at", "-last_at")
    actions = ("settle",)  # type: ignore[assignment]  # the one deed that history allows

    @display(description="word")
    def word_shown(self, word: UnknownWord) -> str:
        return word.word

    @display(description="first heard")
    def first(self, word: UnknownWord) -> str:
        return f"{timezone.localtime(word.first_at):%d %b %H:%M}"

    @display(description="last heard")
    def last(self, word: UnknownWord) -> str:
        return f"{timezone.localtime(word.last_at):%d %b %H:%M}"

    @display(description="state", label={"open": "warning", "settled": "success"})
    def state(self, word: UnknownWord) -> str:
        return "open" if word.settled_at is None else "settled"

    def has_settle_permission(self, request: HttpRequest) -> bool:
        """Adapters are the platform's, so its own operators settle; staff of one business and auditors look."""
        return business_of(request) is None and request.user.has_perm("routing.change_provideraccount")

    @admin.action(description="Settled: taught, or good as it is", permissions=["settle"])
    def settle(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        at = timezone.now()
        chosen = list(queryset)
        for word in chosen:
            words.settle(word, at=at)
        self.message_user(request, f"{len(chosen)} settled. One that is heard again opens again.", messages.SUCCESS)
