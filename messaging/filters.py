"""What lists of messages can be narrowed to: only what the database finds cheaply, or in a bounded stretch of time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import DropdownFilter

from accounts import ids
from accounts.choices import Mode
from accounts.desk import business_of
from accounts.models import Business
from messaging import phrases
from messaging.lifecycle import Status
from messaging.models import State
from templates_app.models import Template

_MOST_TEMPLATES = 200
_WINDOWS = {
    "hour": ("The last hour", timedelta(hours=1)),
    "day": ("The last 24 hours", timedelta(days=1)),
    "week": ("The last 7 days", timedelta(days=7)),
    "month": ("The last 30 days", timedelta(days=30)),
}
_UNINDEXED = {"status", "channel", "template", "kind", "keyword"}
"""Filters that no index serves: by themselves they would read the whole history for a word that is rare."""

Choices = list[tuple[str, str]]


class StatusFilter(DropdownFilter):  # type: ignore[misc]
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [(status.value, status.value) for status in Status]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        status = self.value()
        return queryset.filter(Exists(State.objects.filter(message_id=OuterRef("id"), status=status))) if status else queryset


class ChannelFilter(DropdownFilter):  # type: ignore[misc]
    title = "channel asked for"
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return list(phrases.CHANNELS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(channel=self.value()) if self.value() else queryset


class TemplateFilter(DropdownFilter):  # type: ignore[misc]
    title = "template"
    parameter_name = "template"

    def has_output(self) -> bool:
        """Even without templates: a filter that is in the address and not applied would lie."""
        return True

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        templates = Template.objects.order_by("name").values_list("name", flat=True).distinct()
        if (business_id := business_of(request)) is not None:
            templates = templates.filter(business=business_id)
        return [(name, name) for name in templates[:_MOST_TEMPLATES]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(template_name=self.value()) if self.value() else queryset


class ModeFilter(DropdownFilter):  # type: ignore[misc]
    title = "mode"
    parameter_name = "mode"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return list(Mode.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(mode=self.value()) if self.value() else queryset


class BusinessFilter(DropdownFilter):  # type: ignore[misc]
    """For the platform's own staff; to the staff of one business it would name every other."""

    title = "business"
    parameter_name = "business"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        if business_of(request) is not None:
            return []
        return [(business.slug, business.name) for business in Business.objects.order_by("name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        return queryset.filter(business_id__in=list(Business.objects.filter(slug=self.value()).values_list("id", flat=True)))


class WhenFilter(DropdownFilter):  # type: ignore[misc]
    """By the time in the id, so that only the partitions of that time are read."""

    title = "time"
    parameter_name = "when"
    all_option = None

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[Any], model_admin: ModelAdmin[Any]) -> None:
        super().__init__(request, params, model, model_admin)
        self._usual = "week" if _UNINDEXED & {name for name, value in request.GET.items() if value} else "any"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [("any", "Any time"), *((word, title) for word, (title, _) in _WINDOWS.items())]

    def value(self) -> str:
        return super().value() or self._usual

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in _WINDOWS:
            return queryset
        return queryset.filter(id__gte=ids.first_at(timezone.now() - _WINDOWS[self.value()][1]))


class SearchedFilter(SimpleListFilter):
    """What the search has found, as part of the list's address: shown only while it is in use."""

    template = "messaging/searched.html"
    words = ""

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [("searched", self.words)] if request.GET.get(str(self.parameter_name)) else []

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        yield {
            "words": self.words,
            "name": self.parameter_name,
            "value": self.value(),
            "clear": changelist.get_query_string(remove=[str(self.parameter_name)]),
        }


class RecipientFilter(SearchedFilter):
    title = "recipient"
    parameter_name = "recipient_hash"
    words = "The recipient searched for"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        try:
            return queryset.filter(recipient_hash=bytes.fromhex(self.value() or ""))
        except ValueError:
            return queryset.none()


class ReferenceFilter(SearchedFilter):
    title = "reference"
    parameter_name = "reference"
    words = "The reference searched for"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(reference=self.value())
