"""What every page of the admin stands on: a person sees their own business, and nobody changes history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import unfold.decorators
from django.contrib.admin import ModelAdmin as DjangoModelAdmin
from django.contrib.admin import ShowFacets
from django.contrib.admin.models import LogEntry
from django.core.paginator import Paginator
from django.db.models import Field as DbField
from django.db.models import ForeignKey, Model, QuerySet
from django.forms import Field, ModelChoiceField, SplitDateTimeWidget
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.paginator import InfinitePaginator

from accounts.models import Business

Method = TypeVar("Method", bound=Callable[..., Any])


def action(*, description: str, url_path: str, permissions: Sequence[str], icon: str | None = None) -> Callable[[Method], Method]:
    """Unfold's button on a page or a row, with a type. It is a link, so the method asks on GET and acts on POST."""
    made = unfold.decorators.action(description=description, url_path=url_path, permissions=permissions, icon=icon)
    return cast("Callable[[Method], Method]", made)


def display(
    *, description: str, label: Mapping[str, str] | bool | None = None, ordering: str | None = None, header: bool | None = None
) -> Callable[[Method], Method]:
    """Unfold's column, with a type. `label` paints a value: success, info, warning or danger."""
    made = unfold.decorators.display(description=description, label=label, ordering=ordering, header=header)
    return cast("Callable[[Method], Method]", made)


def business_of(request: HttpRequest) -> Any:
    """The id of the person's business; None for the platform's own staff, who see every business."""
    return getattr(request.user, "business_id", None)


class Desk(ModelAdmin):  # type: ignore[misc]
    """An admin page whose rows, choices and filters are the person's own business's."""

    business_path: str | None = "business"
    """The way from the model to its business (`business`, `template__business`, `business_id`); None where there is none."""
    show_full_result_count = False
    list_filter_submit = True
    warn_unsaved_form = True
    compressed_fields = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        business_id = business_of(request)
        if self.business_path is None or business_id is None:
            return rows
        return rows.filter(**{self.business_path: business_id})

    def formfield_for_foreignkey(self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any) -> ModelChoiceField[Any] | None:
        if "queryset" not in kwargs and business_of(request) is not None:
            kwargs["queryset"] = self._choices(db_field.related_model, request)
        field: ModelChoiceField[Any] | None = super().formfield_for_foreignkey(db_field, request, **kwargs)
        return field

    def formfield_for_dbfield(self, db_field: DbField[Any, Any], request: HttpRequest, **kwargs: Any) -> Field | None:
        """A moment is asked for in two boxes, and the theme's label names neither of them to a screen reader."""
        field: Field | None = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, SplitDateTimeWidget):
            for box, word in zip(field.widget.widgets, ("date", "time"), strict=True):
                box.attrs["aria-label"] = f"{field.label}, {word}"
        return field

    def _choices(self, model: type[Model], request: HttpRequest) -> QuerySet[Any]:
        desk: DjangoModelAdmin[Any] | None = self.admin_site._registry.get(model)
        if desk is not None:
            return desk.get_queryset(request)
        rows = model._default_manager.all()
        return rows.filter(business=business_of(request)) if hasattr(model, "business") else rows

    def offers(self, deed: str, row: Any) -> bool:
        """Whether that button would do something to the row. A right does not depend on it: who comes too late is told, not forbidden."""
        return True

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        found: list[Any] = super().get_actions_detail(request, object_id)
        row = self.get_object(request, object_id) if found else None
        return found if row is None else [each for each in found if self.offers(each.method.__name__, row)]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        asked: dict[str, Any] = super().get_changeform_initial_data(request)
        return {"business": business_of(request)} | asked

    def get_list_filter(self, request: HttpRequest) -> list[Any] | tuple[Any, ...]:
        """A filter by business would name every other tenant to the staff of one."""
        filters = list(super().get_list_filter(request))
        return filters if business_of(request) is None else [each for each in filters if not _names_business(each)]


class ReadOnlyDesk(Desk):
    """History: everybody with the right may look, nobody may touch, superusers included."""

    # Never counts: `count(*)` on a table of millions takes seconds, and nobody reads the number.
    paginator = InfinitePaginator
    show_facets = ShowFacets.NEVER
    actions = None

    def get_paginator(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any) -> Paginator[Any]:
        """What people did is a short list, whose pages can be numbered."""
        made: Paginator[Any] = (Paginator if queryset.model is LogEntry else self.paginator)(queryset, *args, **kwargs)
        return made

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def _names_business(each: Any) -> bool:
    name = each[0] if isinstance(each, (list, tuple)) else each
    return isinstance(name, str) and name.rpartition("__")[2] in {"business", Business._meta.model_name}
